//! The parameters of `OBProxy` that have no effect here.
//!
//! A configuration or start line that was written for `OBProxy` (by OBD, OCP or hand) names many of
//! them; they draw a warning instead of an error, so that it works here as it is.

/// Whether `OBProxy` 4.3 has such a parameter.
pub(super) fn is_known_to_obproxy(name: &str) -> bool {
    NAMES.split_ascii_whitespace().any(|known| known == name)
}

const NAMES: &str = "
    auto_scan_all automatic_match_work_thread binlog_service_ip block_thread_num bt_mode
    bt_retry_times bt_server_addr cache_cleaner_clean_interval check_tenant_locality_change
    citadel_agent_ip client_session_id_version
    client_sock_option_flag_out client_tcp_user_timeout cloud_instance_id
    cluster_count_high_water_mark cluster_expire_time compression_algorithm
    config_server_refresh_interval connection_diagnosis_option create_conn_cont_num
    current_local_config_version dataplane_host default_buffer_water_mark
    default_inactivity_timeout delay_exit_time digest_sql_length
    domain_name enable_async_log enable_async_pull_location_cache enable_auto_restart
    enable_bad_route_reject enable_causal_order_read
    enable_client_connection_lru_disconnect enable_client_ssl enable_cloud_full_username
    enable_compression_protocol enable_congestion enable_conn_precreate enable_cpu_isolate
    enable_cpu_topology enable_cross_shard_txn enable_extra_prometheus_metric
    enable_flow_control enable_full_link_trace enable_get_rslist_remote enable_global_ps_cache
    enable_index_route enable_ldg enable_metadb_used enable_monitor_stat enable_mysql_proxy_pool
    enable_mysqlsm_info enable_no_sharding_skip_real_conn enable_ob_protocol_v2
    enable_ob_protocol_v2_with_client enable_obproxy_rpc_service enable_partition_table_route
    enable_performance_mode enable_pl_route enable_prometheus
    enable_proxy_scramble enable_qa_mode enable_qos enable_read_write_split
    enable_report_session_stats enable_reroute enable_sequence_prefetch enable_server_ssl
    enable_session_info_verification enable_session_pool_for_no_sharding enable_shard_authority
    enable_sharding enable_standby enable_stat
    enable_strict_kernel_release enable_strict_stat_time enable_sync_all_stats
    enable_syslog_file_compress enable_syslog_wf enable_trace enable_trace_stats
    enable_trans_detail_stats enable_transaction_internal_routing enable_transaction_split
    enable_weak_reroute enable_xa_route env_tenant_name error_inject fetch_proxy_bin_random_time
    fetch_proxy_bin_timeout flow_consumer_reenable_threshold flow_event_queue_threshold
    flow_high_water_mark flow_low_water_mark frequent_accept grpc_client_num grpc_thread_num
    grpc_timeout hot_upgrade_failure_retries hot_upgrade_rollback_timeout
    idc_list_refresh_interval ignore_local_config init_sql inspector_password instance_ip
    internal_cmd_mem_limited ip_listen_mode is_pool_mode ldg_info_refresh_interval
    local_bound_ipv6_ip local_vip_tenant_version
    location_expire_period log_cleanup_interval
    log_dir_size_threshold log_file_percentage long_async_task_timeout max_connections
    max_log_file_size max_pending_num max_syslog_file_count max_syslog_file_time
    mem_leak_check_class_name mem_leak_check_mod_name metadb_batch_interval metadb_batch_size
    metadb_server_state_refresh_interval min_congested_connect_timeout mng_url
    monitor_cost_ms_unit monitor_item_limit monitor_item_max_idle_period monitor_log_level
    monitor_stat_dump_interval monitor_stat_high_threshold monitor_stat_low_threshold
    monitor_stat_middle_threshold mysql_client_num name need_convert_vip_to_tname
    need_release_after_tx net_accept_threads net_config_poll_timeout ob_max_read_stale_time
    obproxy_config_server_url obproxy_force_parallel_query_dop
    obproxy_read_only obproxy_sys_password observer_sys_password1
    partition_location_expire_relative_time pod_name pod_namespace prometheus_cost_ms_unit
    prometheus_sync_interval protocol_diagnosis_level proxy_cluster
    proxy_hot_upgrade_check_interval proxy_info_check_interval proxy_local_cmd
    proxy_mem_limited proxy_service_mode
    qa_mode_mock_public_cloud_slb_addr qa_mode_mock_public_cloud_vid qos_stat_clean_interval
    qos_stat_item_limit qos_stat_item_max_idle_period query_digest_time_threshold
    read_stale_remove_interval read_stale_retry_interval refresh_config refresh_idc_list
    refresh_json_config refresh_rslist refresh_server_cont_num request_buffer_length
    route_diagnosis_level rpc_async_pull_batch_max_size rpc_async_pull_batch_max_times
    rpc_async_pull_batch_wait_interval rpc_ctx_expire_time rpc_enable_async_pull_batch_tablets
    rpc_enable_congestion rpc_enable_direct_expire_route_entry rpc_enable_force_srv_black_list
    rpc_enable_global_index rpc_enable_reroute rpc_enable_retry_request_info_log
    rpc_force_srv_black_list rpc_listen_port rpc_max_request_batch_size
    rpc_max_response_batch_size rpc_max_server_table_entry_num rpc_net_timeout_base
    rpc_period_task_interval rpc_request_max_retries rpc_request_retry_waiting_time
    rpc_request_server_entry_max_retries rpc_request_timeout rpc_request_timeout_delta
    rpc_server_entry_expire_time rpc_server_net_handler_expire_time
    rpc_server_net_invalid_time_us rpc_server_net_max_pending_request
    rpc_srv_session_pool_inactive_timeout rpc_sub_req_max_retries
    rpc_support_key_partition_shard_request runtime_env scan_buffered_rows_warning_threshold
    sequence_entry_expire_time sequence_fail_retry_count sequence_prefetch_threshold
    server_tcp_init_cwnd server_tcp_user_timeout server_zone session_pool_cont_delay_interval
    session_pool_default_blocking_timeout session_pool_default_idle_timeout
    session_pool_default_max_conn session_pool_default_min_conn session_pool_default_prefill
    session_pool_retry_interval session_pool_stat_log_interval session_pool_stat_log_ratio
    shard_scan_thread_num sidecar_node_id skip_proxy_sys_private_check
    slow_proxy_process_time_threshold slow_query_time_threshold slow_transaction_time_threshold
    sock_option_flag_out sock_packet_mark_out sock_packet_tos_out sock_recv_buffer_size_out
    sock_send_buffer_size_out sql_table_cache_expire_relative_time sql_table_cache_mem_limited
    sqlaudit_mem_limited ssl_attributes stack_size stat_dump_interval stat_table_sync_interval
    syslog_io_bandwidth_limit task_thread_num tenant_location_valid_time
    test_server_addr tunnel_request_size_threshold use_local_dbconfig use_local_session_prop
    workspace_name xflush_log_level
";
