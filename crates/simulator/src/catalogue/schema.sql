CREATE TABLE DBA_OB_SERVERS (
  SVR_IP VARCHAR(46) COLLATE NOCASE, SVR_PORT BIGINT, ID INTEGER PRIMARY KEY, ZONE VARCHAR(128) COLLATE NOCASE,
  SQL_PORT BIGINT, WITH_ROOTSERVER VARCHAR(3), STATUS VARCHAR(64) COLLATE NOCASE, START_SERVICE_TIME DATETIME(6),
  STOP_TIME DATETIME(6), BLOCK_MIGRATE_IN_TIME DATETIME(6), CREATE_TIME DATETIME(6), MODIFY_TIME DATETIME(6),
  BUILD_VERSION VARCHAR(256));
CREATE TABLE DBA_OB_ZONES (
  ZONE VARCHAR(128) COLLATE NOCASE, CREATE_TIME DATETIME(6), MODIFY_TIME DATETIME(6), STATUS VARCHAR(64) COLLATE NOCASE,
  IDC VARCHAR(64), REGION VARCHAR(64), TYPE VARCHAR(64));
CREATE TABLE DBA_OB_TENANTS (
  TENANT_ID BIGINT, TENANT_NAME VARCHAR(128) COLLATE NOCASE, TENANT_TYPE VARCHAR(8), CREATE_TIME DATETIME(6),
  MODIFY_TIME DATETIME(6), PRIMARY_ZONE VARCHAR(128), LOCALITY VARCHAR(1024), PREVIOUS_LOCALITY VARCHAR(1024),
  COMPATIBILITY_MODE VARCHAR(8), STATUS VARCHAR(64), IN_RECYCLEBIN VARCHAR(3), LOCKED VARCHAR(3), TENANT_ROLE VARCHAR(64));
CREATE TABLE CDB_OB_LS_LOCATIONS (
  TENANT_ID BIGINT, LS_ID BIGINT, SVR_IP VARCHAR(46), SVR_PORT BIGINT, SQL_PORT BIGINT, ZONE VARCHAR(128),
  ROLE VARCHAR(8) COLLATE NOCASE, REPLICA_TYPE VARCHAR(32));
CREATE TABLE CDB_OB_ZONE_MAJOR_COMPACTION (
  TENANT_ID BIGINT, ZONE VARCHAR(128) COLLATE NOCASE, BROADCAST_SCN BIGINT, LAST_SCN BIGINT,
  LAST_FINISH_TIME DATETIME(6), START_TIME DATETIME(6), STATUS VARCHAR(16) COLLATE NOCASE);
CREATE TABLE V$OB_PARAMETERS (
  SVR_IP VARCHAR(46), SVR_PORT BIGINT, ZONE VARCHAR(128), SCOPE VARCHAR(16), TENANT_ID BIGINT,
  NAME VARCHAR(256) COLLATE NOCASE, DATA_TYPE VARCHAR(64), VALUE VARCHAR(4096), INFO VARCHAR(4096));
CREATE TABLE __all_virtual_proxy_sys_variable (
  name VARCHAR(128), tenant_id BIGINT, data_type BIGINT, value VARCHAR(65536), flags BIGINT, modified_time BIGINT);
CREATE TABLE __all_virtual_user (
  tenant_id BIGINT, user_id BIGINT, gmt_create DATETIME(6), gmt_modified DATETIME(6), user_name VARCHAR(128),
  host VARCHAR(128), passwd VARCHAR(128), is_locked BIGINT, ssl_type BIGINT, max_connections BIGINT,
  max_user_connections BIGINT, type BIGINT, profile_id BIGINT, sim_privileges TEXT,
  priv_super BIGINT AS (',' || sim_privileges || ',' LIKE '%,ALL,%' OR ',' || sim_privileges || ',' LIKE '%,SUPER,%'),
  UNIQUE (tenant_id, user_name, host));
CREATE TABLE __all_virtual_database_privilege (
  tenant_id BIGINT, user_id BIGINT, database_name VARCHAR(128) COLLATE NOCASE, gmt_create DATETIME(6),
  gmt_modified DATETIME(6), sim_privileges TEXT);
CREATE TABLE __all_virtual_tenant_role_grantee_map (
  tenant_id BIGINT, grantee_id BIGINT, role_id BIGINT, gmt_create DATETIME(6), gmt_modified DATETIME(6),
  admin_option BIGINT, disable_flag BIGINT);
CREATE TABLE __all_virtual_proxy_routine (
  tenant_name VARCHAR(128) COLLATE NOCASE, database_name VARCHAR(128) COLLATE NOCASE,
  package_name VARCHAR(128) COLLATE NOCASE, routine_name VARCHAR(128) COLLATE NOCASE, routine_id BIGINT,
  routine_type BIGINT, schema_version BIGINT, routine_sql LONGTEXT, spare1 BIGINT, spare2 BIGINT, spare3 BIGINT,
  spare4 VARCHAR(65536), spare5 VARCHAR(65536), spare6 VARCHAR(65536));
CREATE TABLE __all_virtual_tablet_to_ls (
  tenant_id BIGINT, tablet_id BIGINT, ls_id BIGINT, table_id BIGINT, transfer_seq BIGINT);
CREATE INDEX sim_tablet_to_ls ON __all_virtual_tablet_to_ls (tablet_id);
CREATE TABLE __all_virtual_proxy_partition_info (
  tenant_name VARCHAR(128) COLLATE NOCASE, table_id BIGINT, part_level BIGINT, all_part_num BIGINT, template_num BIGINT,
  part_id_rule_ver BIGINT, part_type BIGINT, part_num BIGINT, is_column_type BIGINT, part_space BIGINT,
  part_expr VARCHAR(4096), part_expr_bin BLOB VARBINARY(8192), part_range_type VARCHAR(4096), part_interval VARCHAR(4096),
  part_interval_bin BLOB VARBINARY(8192), interval_start VARCHAR(4096), interval_start_bin BLOB VARBINARY(8192),
  sub_part_type BIGINT, sub_part_num BIGINT, is_sub_column_type BIGINT, sub_part_space BIGINT,
  sub_part_expr VARCHAR(4096), sub_part_expr_bin BLOB VARBINARY(8192), sub_part_range_type VARCHAR(4096),
  def_sub_part_interval VARCHAR(4096), def_sub_part_interval_bin BLOB VARBINARY(8192),
  def_sub_interval_start VARCHAR(4096), def_sub_interval_start_bin BLOB VARBINARY(8192), part_key_num BIGINT,
  part_key_name VARCHAR(128), part_key_type BIGINT, part_key_idx BIGINT, part_key_level BIGINT,
  part_key_extra VARCHAR(4096), part_key_collation_type BIGINT, part_key_rowkey_idx BIGINT, part_key_expr VARCHAR(4096),
  part_key_length BIGINT, part_key_precision BIGINT, part_key_scale BIGINT, spare1 BIGINT, spare2 BIGINT, spare3 BIGINT,
  spare4 VARCHAR(4096), spare5 VARCHAR(4096), spare6 VARCHAR(4096), part_key_default_value BLOB VARBINARY(65536));
CREATE INDEX sim_partition_info ON __all_virtual_proxy_partition_info (table_id);
CREATE TABLE __all_virtual_proxy_partition (
  tenant_name VARCHAR(128) COLLATE NOCASE, table_id BIGINT, part_id BIGINT, part_name VARCHAR(64), status BIGINT,
  low_bound_val VARCHAR(4096), low_bound_val_bin BLOB VARBINARY(8192), high_bound_val VARCHAR(4096),
  high_bound_val_bin BLOB VARBINARY(8192), part_position BIGINT, tablet_id BIGINT, sub_part_num BIGINT,
  sub_part_space BIGINT, sub_part_interval VARCHAR(4096), sub_part_interval_bin BLOB VARBINARY(8192),
  sub_interval_start VARCHAR(4096), sub_interval_start_bin BLOB VARBINARY(8192), spare1 BIGINT, spare2 BIGINT,
  spare3 BIGINT, spare4 VARCHAR(4096), spare5 VARCHAR(4096), spare6 VARCHAR(4096));
CREATE INDEX sim_partition ON __all_virtual_proxy_partition (table_id);
CREATE TABLE __all_virtual_proxy_sub_partition (
  tenant_name VARCHAR(128) COLLATE NOCASE, table_id BIGINT, part_id BIGINT, sub_part_id BIGINT, part_name VARCHAR(64),
  status BIGINT, low_bound_val VARCHAR(4096), low_bound_val_bin BLOB VARBINARY(8192), high_bound_val VARCHAR(4096),
  high_bound_val_bin BLOB VARBINARY(8192), sub_part_position BIGINT, tablet_id BIGINT, spare1 BIGINT, spare2 BIGINT,
  spare3 BIGINT, spare4 VARCHAR(4096), spare5 VARCHAR(4096), spare6 VARCHAR(4096));
CREATE INDEX sim_sub_partition ON __all_virtual_proxy_sub_partition (table_id);

CREATE TABLE sim_sequence (name TEXT PRIMARY KEY, next INTEGER);
CREATE TABLE sim_setting (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE sim_database (
  tenant TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, file TEXT, PRIMARY KEY (tenant, name));
CREATE TABLE sim_global (
  tenant TEXT COLLATE NOCASE, name TEXT, value TEXT, gmt_modified DATETIME(6), PRIMARY KEY (tenant, name));
CREATE TABLE sim_table (
  table_id INTEGER PRIMARY KEY, tenant_name VARCHAR(128) COLLATE NOCASE, database_name VARCHAR(128) COLLATE NOCASE,
  table_name VARCHAR(128) COLLATE NOCASE, part_num BIGINT, table_type BIGINT, schema_version BIGINT, first_tablet BIGINT,
  definition TEXT, UNIQUE (tenant_name, database_name, table_name));
CREATE TABLE sim_replica (
  table_id BIGINT, tablet_id BIGINT, server_id BIGINT, role BIGINT, replica_type BIGINT, PRIMARY KEY (tablet_id, server_id));
CREATE INDEX sim_replica_table ON sim_replica (table_id);

CREATE VIEW __all_virtual_proxy_schema AS
  SELECT t.tenant_name AS tenant_name, t.database_name AS database_name, t.table_name AS table_name,
    0 AS tablet_id, s.SVR_IP AS svr_ip, s.SQL_PORT AS sql_port, t.table_id AS table_id, r.role AS role,
    t.part_num AS part_num, (SELECT count(*) FROM sim_replica n WHERE n.tablet_id = r.tablet_id) AS replica_num,
    t.table_type AS table_type, t.schema_version AS schema_version, r.replica_type AS replica_type,
    0 AS dup_replica_type, 100 AS memstore_percent, s.SVR_PORT AS spare1, 0 AS spare2, 0 AS spare3, NULL AS spare4,
    NULL AS spare5, NULL AS spare6, 0 AS complex_table_type, NULL AS level1_decoded_db_name,
    NULL AS level1_decoded_table_name, NULL AS level2_decoded_db_name, NULL AS level2_decoded_table_name
  FROM sim_table t JOIN sim_replica r ON r.table_id = t.table_id AND r.tablet_id = t.first_tablet
    JOIN DBA_OB_SERVERS s ON s.ID = r.server_id
  UNION ALL
  SELECT t.tenant_name, t.database_name, t.table_name, r.tablet_id, s.SVR_IP, s.SQL_PORT, t.table_id, r.role,
    t.part_num, (SELECT count(*) FROM sim_replica n WHERE n.tablet_id = r.tablet_id), t.table_type, t.schema_version,
    r.replica_type, 0, 100, s.SVR_PORT, 0, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL
  FROM sim_table t JOIN sim_replica r ON r.table_id = t.table_id JOIN DBA_OB_SERVERS s ON s.ID = r.server_id
  UNION ALL
  SELECT n.TENANT_NAME, 'oceanbase', '__all_dummy', 0, s.SVR_IP, s.SQL_PORT, 1, CASE s.ID WHEN 1 THEN 1 ELSE 2 END, 1,
    (SELECT count(*) FROM DBA_OB_SERVERS), 0, 1, 0, 0, 100, s.SVR_PORT, 0, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL
  FROM DBA_OB_TENANTS n JOIN DBA_OB_SERVERS s;

CREATE VIEW __all_virtual_sys_variable AS
  SELECT t.TENANT_ID AS tenant_id, v.name AS name, coalesce(g.value, v.value) AS value,
    coalesce(g.gmt_modified, t.CREATE_TIME) AS gmt_modified
  FROM DBA_OB_TENANTS t JOIN __all_virtual_proxy_sys_variable v
    LEFT JOIN sim_global g ON g.tenant = t.TENANT_NAME AND g.name = v.name;
