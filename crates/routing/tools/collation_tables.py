#!/usr/bin/env python3
"""Reads the collations' weights and the character sets' codes off a running OceanBase and writes tables/*.bin.

    python3 collation_tables.py HOST PORT USER [PASSWORD]        (needs PyMySQL and the right to create a database)

A table maps a key to a sequence of 16-bit numbers. It is a list of runs of consecutive keys, as
`src/partition/text/run_table.rs` reads it, all little-endian:

    u32 number of runs
    per run (12 bytes): u32 first key | u16 keys | u8 kind | u8 width | u32 offset of its data, counted in numbers
    the data, 16-bit numbers

kind 0: `width` numbers for each key; kind 1: the same `width` numbers for all keys; kind 2: as 1, but the last
number grows by one from key to key.
"""
import pathlib
import struct
import sys

import pymysql

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
# Planes 0, 1 and 2 hold every character with weights of its own, but for the tags in plane 14.
POINTS = [*range(0x0, 0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200)]
LONG = 6


def runs(table):
    """Cuts a table into runs of (first key, sequences, kind)."""
    keys = sorted(table)
    groups = []
    for key in keys:
        last = groups[-1] if groups else None
        if last and last[0] + len(last[1]) == key and len(last[1]) < 0xFFFF and len(last[1][0]) == len(table[key]):
            last[1].append(table[key])
        else:
            groups.append((key, [table[key]]))
    for first, group in groups:
        start = at = 0
        while at < len(group):
            same = grows = 1
            while at + same < len(group) and group[at + same] == group[at]:
                same += 1
            while (
                group[at]
                and at + grows < len(group)
                and group[at][-1] + grows <= 0xFFFF
                and group[at + grows] == (*group[at][:-1], group[at][-1] + grows)
            ):
                grows += 1
            length, kind = max((same, 1), (grows, 2))
            if length < LONG and not (at == start and length == len(group) - at and length > 1):
                at += 1
                continue
            if at > start:
                yield first + start, group[start:at], 0
            yield first + at, group[at : at + length], kind
            at += length
            start = at
        if start < len(group):
            yield first + start, group[start:], 0


def write(name, table):
    head, data = [], []
    for first, group, kind in runs(table):
        head.append(struct.pack("<IHBBI", first, len(group), kind, len(group[0]), len(data)))
        for sequence in group if kind == 0 else group[:1]:
            data.extend(sequence)
    blob = struct.pack("<I", len(head)) + b"".join(head) + struct.pack(f"<{len(data)}H", *data)
    (TABLES / f"{name}.bin").write_bytes(blob)
    print(f"{name}: {len(table)} keys, {len(head)} runs, {len(blob)} bytes")


def words(text):
    return tuple(int(text[at : at + 4], 16) for at in range(0, len(text), 4))


def gb18030_key(code):
    """Two-byte codes as they are, four-byte codes counted from 0x10000."""
    if len(code) < 4:
        return int.from_bytes(code)
    a, b, c, d = code
    return 0x10000 + (((a - 0x81) * 10 + b - 0x30) * 126 + c - 0x81) * 10 + d - 0x30


def fill(cursor):
    cursor.execute("create database if not exists odp_tables")
    cursor.execute("use odp_tables")
    cursor.execute("drop table if exists points")
    cursor.execute("create table points (point int primary key, c varchar(1) character set utf8mb4)")
    for at in range(0, len(POINTS), 4000):
        values = ",".join(f"({p},_utf8mb4 x'{chr(p).encode().hex()}')" for p in POINTS[at : at + 4000])
        cursor.execute(f"insert into points values {values}")


def column(cursor, expression):
    cursor.execute(f"select point, {expression} from points")
    return dict(cursor.fetchall())


def uca(cursor):
    weights = column(cursor, "hex(weight_string(c collate utf8mb4_unicode_ci))")
    write("unicode_ci", {p: words(w) for p, w in weights.items()})
    primary, secondary, tertiary = {}, {}, {}
    for point, weight in column(cursor, "hex(weight_string(c collate utf8mb4_0900_as_cs))").items():
        levels, level = [], []
        for word in words(weight):
            if word == 0:
                levels.append(tuple(level))
                level = []
            else:
                level.append(word)
        levels.append(tuple(level))
        primary[point], secondary[point], tertiary[point] = levels
    ai = column(cursor, "hex(weight_string(c collate utf8mb4_0900_ai_ci))")
    assert all(words(ai[point]) == primary[point] for point in primary)
    for name, table in [("primary", primary), ("secondary", secondary), ("tertiary", tertiary)]:
        write(f"uca_0900_{name}", table)


def gbk(cursor):
    codes = column(cursor, "hex(convert(c using gbk))")
    weights = column(cursor, "hex(weight_string(convert(c using gbk) collate gbk_chinese_ci))")
    to_code, to_point, order = {}, {}, {}
    for point, code in codes.items():
        if point != 0x3F and code == "3F":
            continue
        to_code[point] = (int(code, 16),)
        to_point.setdefault(int(code, 16), (point,))
        order[int(code, 16)] = (int(weights[point], 16),)
    write("gbk_codes", {p: c for p, c in to_code.items() if p >= 0x80})
    write("gbk_points", {c: p for c, p in to_point.items() if c >= 0x80})
    write("gbk_chinese_ci", order)


def gb18030(cursor):
    codes = column(cursor, "hex(convert(c using gb18030))")
    weights = column(cursor, "hex(weight_string(convert(c using gb18030) collate gb18030_chinese_ci))")
    to_code, to_point, order = {}, {}, {}
    for point, text in codes.items():
        code = bytes.fromhex(text)
        if point != 0x3F and code == b"?":
            continue
        key = gb18030_key(code)
        to_code[point] = (key >> 16, key & 0xFFFF)
        to_point.setdefault(key, (point >> 16, point & 0xFFFF))
        weight = int(weights[point], 16)
        order[key] = (weight >> 16, weight & 0xFFFF)
    write("gb18030_codes", {p: c for p, c in to_code.items() if p >= 0x80})
    write("gb18030_points", {c: p for c, p in to_point.items() if c >= 0x80})
    write("gb18030_chinese_ci", order)


def single_bytes(cursor):
    for charset, collation in [("latin1", "latin1_swedish_ci"), ("ascii", "ascii_general_ci")]:
        count = 256 if charset == "latin1" else 128
        order, points = {}, {}
        for byte in range(count):
            literal = f"_{charset} x'{byte:02x}'"
            cursor.execute(
                f"select hex(weight_string({literal} collate {collation})), hex(convert({literal} using utf16))"
            )
            weight, point = cursor.fetchone()
            order[byte], points[byte] = words(weight), words(point)
        write(collation, order)
        if charset == "latin1":
            write("latin1_points", points)


def main():
    host, port, user, *password = sys.argv[1:]
    connection = pymysql.connect(
        host=host, port=int(port), user=user, password="".join(password), charset="utf8mb4", autocommit=True
    )
    cursor = connection.cursor()
    cursor.execute("set ob_query_timeout = 600000000")
    TABLES.mkdir(exist_ok=True)
    fill(cursor)
    single_bytes(cursor)
    uca(cursor)
    gbk(cursor)
    gb18030(cursor)
    cursor.execute("drop database odp_tables")


if __name__ == "__main__":
    main()
