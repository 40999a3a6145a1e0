package query

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The columns of NDJSON records that the views need, with the types of DuckDB. Fields that a
// record lacks are null.
const (
	hopType = `STRUCT(addr VARCHAR, probe_ttl UTINYINT, probe_id UTINYINT, rtt DOUBLE, rtt_ns BIGINT, tx STRUCT(sec BIGINT, usec BIGINT), ` +
		`kind VARCHAR, valid VARCHAR, reply_ttl UTINYINT, icmp_type UTINYINT, icmp_code UTINYINT, ` +
		`icmpext STRUCT(mpls_labels STRUCT(mpls_label INTEGER)[])[], inferred BOOLEAN, ` +
		`asn BIGINT[], as_name VARCHAR, prefix VARCHAR, ixp VARCHAR, country VARCHAR, name VARCHAR)[]`

	traceColumns = `{type: 'VARCHAR', dst: 'VARCHAR', userid: 'INTEGER', src: 'VARCHAR', method: 'VARCHAR', ` +
		`start: 'STRUCT(sec BIGINT, usec BIGINT)', stop_reason: 'VARCHAR', stop_data: 'INTEGER', hop_count: 'INTEGER', ` +
		`probe_count: 'INTEGER', hops: '` + hopType + `'}`
	extColumns = `{type: 'VARCHAR', dst: 'VARCHAR', userid: 'INTEGER', reached: 'BOOLEAN', dst_ttl: 'INTEGER', ` +
		`no_reply: 'JSON', loops: 'JSON', path_hash: 'VARCHAR'}`
	runColumns = `{type: 'VARCHAR', run: 'VARCHAR', tool: 'VARCHAR', seed: 'VARCHAR', strategy: 'VARCHAR', protocol: 'VARCHAR', ` +
		`rate_pps: 'DOUBLE', flows: 'INTEGER', source: 'VARCHAR', link: 'VARCHAR'}`
)

// hopColumns are the columns of the view hops, and traceList those of traces.
const (
	hopList = `dst, userid, probe_ttl, probe_attempt, addr, rtt, tx, kind, valid, reply_ttl, icmp_type, icmp_code, mpls_labels, ` +
		`inferred, asn, as_name, prefix, ixp, country, name, src, method, stop_reason, hop_count`
	traceList = `dst, userid, src, method, start, stop_reason, stop_data, hop_count, probe_count, reached, dst_ttl, no_reply, loops`
)

// views returns the statements that make the views hops, traces, links and runs.
func (s *sources) views() string {
	return view("hops", "UNION ALL", s.hops()) + view("traces", "UNION ALL", s.traces()) + view("links", "UNION ALL", s.links()) +
		view("runs", "UNION", s.runs()) + view("vantage_points", "UNION ALL", s.pointRows())
}

// view returns the statement of a view. Its parts are joined by a union.
func view(name, union string, parts []string) string {
	return "CREATE TEMP VIEW " + name + " AS\n" + strings.Join(parts, "\n"+union+" BY NAME\n") + ";\n"
}

// list returns a list of names of files in SQL.
func list(paths []string) string {
	var quoted []string
	for _, path := range paths {
		quoted = append(quoted, literal(path))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// parquetOf returns the rows of Parquet files. Folders such as vp=ams are columns, if all files
// have them.
func parquetOf(paths []string) string {
	hive := "false"
	if len(partitions(paths)) > 0 {
		hive = "true"
	}
	return "read_parquet(" + list(paths) + ", union_by_name = true, filename = true, hive_partitioning = " + hive + ")"
}

// partitions returns the names of the folders such as vp=ams that all paths have, in order. There
// are none unless each path has the same names.
func partitions(paths []string) (names []string) {
	for i, path := range paths {
		var own []string
		for part := range strings.SplitSeq(filepath.ToSlash(filepath.Dir(path)), "/") {
			if name, value, ok := strings.Cut(part, "="); ok && name != "" && !strings.Contains(value, "=") {
				own = append(own, name)
			}
		}
		if i > 0 && !slices.Equal(own, names) {
			return nil
		}
		names = own
	}
	return names
}

// quoted returns names as identifiers of SQL, each after a text.
func quoted(before string, names []string) (text string) {
	for _, name := range names {
		text += before + `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return text
}

// jsonOf returns the records of NDJSON files that have some columns.
func (s *sources) jsonOf(paths []string, columns string) string {
	return "read_json(" + list(paths) + ", format = 'newline_delimited', ignore_errors = " + strconv.FormatBool(s.lenient) + ", maximum_object_size = 16777216, filename = true, hive_partitioning = false, columns = " + columns + ")"
}

// hops returns a row for each hop.
func (s *sources) hops() (parts []string) {
	if paths := s.tables["hops"]; len(paths) > 0 {
		parts = append(parts, "SELECT * EXCLUDE filename FROM "+parquetOf(paths)+" WHERE probe_ttl IS NOT NULL")
	}
	if len(s.lines) > 0 {
		parts = append(parts, "SELECT dst, userid, h.probe_ttl, (h.probe_id - 1)::UTINYINT AS probe_attempt, h.addr, coalesce(h.rtt_ns / 1e6, h.rtt) AS rtt, "+
			"make_timestamptz(h.tx.sec * 1000000 + h.tx.usec) AS tx, h.kind, h.valid, h.reply_ttl, h.icmp_type, h.icmp_code, "+
			"CASE WHEN len(list_filter(h.icmpext, lambda o: o.mpls_labels IS NOT NULL)) > 0 THEN "+
			"list_transform(list_filter(h.icmpext, lambda o: o.mpls_labels IS NOT NULL)[1].mpls_labels, lambda l: l.mpls_label) END AS mpls_labels, "+
			"coalesce(h.inferred, false) AS inferred, "+
			"h.asn, h.as_name, h.prefix, h.ixp, h.country, h.name, src, method, stop_reason, hop_count "+
			"FROM (SELECT * EXCLUDE hops, unnest(hops) AS h FROM "+s.jsonOf(s.lines, traceColumns)+" WHERE type = 'trace')")
	}
	return orNothing(parts, hopList)
}

// traces returns a row for each trace. A table of hops has the columns of its traces in every
// row.
func (s *sources) traces() (parts []string) {
	if paths := s.tables["traces"]; len(paths) > 0 {
		parts = append(parts, "SELECT * EXCLUDE filename FROM "+parquetOf(paths))
	} else if paths := s.tables["hops"]; len(paths) > 0 {
		parts = append(parts, "SELECT DISTINCT "+traceList+quoted(", ", partitions(paths))+" FROM "+parquetOf(paths))
	}
	alone := slices.DeleteFunc(slices.Clone(s.lines), func(path string) bool {
		return slices.ContainsFunc(s.sets, func(set []string) bool { return slices.Contains(set, path) })
	})
	if len(alone) > 0 {
		parts = append(parts, s.traceRows(alone, "AND t.filename = e.filename"))
	}
	for _, set := range s.sets {
		parts = append(parts, s.traceRows(set, ""))
	}
	return orNothing(parts, traceList)
}

// traceRows returns a row for each trace of some files, joined with its trace-ext record by its target,
// its flow and a further condition.
func (s *sources) traceRows(paths []string, same string) string {
	return "SELECT t.dst, t.userid, src, method, make_timestamptz(start.sec * 1000000 + start.usec) AS start, " +
		"stop_reason, stop_data, hop_count, probe_count, coalesce(reached, stop_reason = 'COMPLETED') AS reached, dst_ttl, no_reply, loops FROM " +
		"(SELECT * FROM " + s.jsonOf(paths, traceColumns) + " WHERE type = 'trace') t LEFT JOIN " +
		"(SELECT * FROM " + s.jsonOf(paths, extColumns) + " WHERE type = 'trace-ext') e ON t.dst = e.dst AND t.userid = e.userid " + same
}

// links returns the number of traces of each pair of addresses at adjacent TTLs.
func (s *sources) links() []string {
	if paths := s.tables["links"]; len(paths) > 0 && len(s.tables["hops"]) == 0 && len(s.lines) == 0 {
		return []string{"SELECT * EXCLUDE filename FROM " + parquetOf(paths)}
	}
	var pairs []string
	if paths := s.tables["hops"]; len(paths) > 0 {
		pairs = append(pairs, pairsOfRows(paths))
	}
	if len(s.lines) > 0 {
		pairs = append(pairs, s.pairsOfLists())
	}
	pairs = orNothing(pairs, "near, far")
	return []string{"SELECT near, far, count(*) AS traces FROM (" + strings.Join(pairs, "\nUNION ALL ") + ") GROUP BY near, far"}
}

// pairsOfRows returns the pairs of each trace from Parquet. The hops of a trace are in one file: the
// same target has another trace in another file, and from another source.
func pairsOfRows(paths []string) string {
	same := ""
	if len(paths) > 1 {
		same = " AND a.filename = b.filename"
	}
	rows := "(SELECT filename, src, dst, userid, probe_ttl, addr FROM " + parquetOf(paths) + " WHERE addr IS NOT NULL)"
	return "SELECT near, far FROM (SELECT DISTINCT a.filename, a.src, a.dst, a.userid, a.addr AS near, b.addr AS far FROM " + rows + " a JOIN " + rows +
		" b ON a.dst = b.dst AND a.userid = b.userid AND b.probe_ttl = a.probe_ttl + 1" + same +
		" AND a.src IS NOT DISTINCT FROM b.src WHERE a.addr <> b.addr)"
}

// pairsOfLists returns the pairs of each trace from NDJSON, where a line has all hops of a trace. A
// join would need many times as much memory.
func (s *sources) pairsOfLists() string {
	return "SELECT l.near, l.far FROM (SELECT unnest(list_distinct(flatten(list_transform(hops, lambda a: list_transform(" +
		"list_filter(hops, lambda b: b.probe_ttl = a.probe_ttl + 1 AND b.addr <> a.addr), " +
		"lambda b: {near: a.addr, far: b.addr}))))) AS l FROM " + s.jsonOf(s.lines, traceColumns) + " WHERE type = 'trace')"
}

// pointColumns are the columns of the files of vantage points that a fleet writes.
const pointColumns = `{run: 'VARCHAR', vantage_point: 'VARCHAR', location: 'VARCHAR', autonomous_system: 'VARCHAR', software: 'VARCHAR', ` +
	`hostname: 'VARCHAR', slices: 'UBIGINT', targets: 'UBIGINT', sent: 'UBIGINT', answered: 'UBIGINT', began: 'TIMESTAMPTZ', ` +
	`clock_offset_ns: 'BIGINT', clock_error_ns: 'BIGINT', clock_offset_low_ns: 'BIGINT', clock_offset_high_ns: 'BIGINT'}`

const pointList = `run, vantage_point, location, autonomous_system, software, hostname, slices, targets, sent, answered, began, ` +
	`clock_offset_ns, clock_error_ns, clock_offset_low_ns, clock_offset_high_ns`

// pointRows returns a row for each vantage point of a job of a fleet.
func (s *sources) pointRows() (parts []string) {
	if len(s.points) > 0 {
		parts = append(parts, "SELECT "+pointList+" FROM "+s.jsonOf(s.points, pointColumns))
	}
	return orNothing(parts, pointList)
}

// runs returns a row for each run record.
func (s *sources) runs() (parts []string) {
	const fields = "run, tool, seed, strategy, protocol, rate_pps, flows, source, link"
	if len(s.lines) > 0 {
		parts = append(parts, "SELECT "+fields+" FROM "+s.jsonOf(s.lines, runColumns)+" WHERE type = 'run'")
	}
	var all []string
	for _, table := range []string{"hops", "links", "replies", "traces"} {
		all = append(all, s.tables[table]...)
	}
	if len(all) > 0 {
		parts = append(parts, "SELECT DISTINCT r->>'run' AS run, r->>'tool' AS tool, r->>'seed' AS seed, r->>'strategy' AS strategy, "+
			"r->>'protocol' AS protocol, (r->>'rate_pps')::DOUBLE AS rate_pps, (r->>'flows')::INTEGER AS flows, r->>'source' AS source, r->>'link' AS link "+
			"FROM (SELECT decode(value)::JSON AS r FROM parquet_kv_metadata("+list(all)+") WHERE decode(key) = 'run')")
	}
	return orNothing(parts, fields)
}

// orNothing returns parts, or a part without rows that has the columns.
func orNothing(parts []string, columns string) []string {
	if len(parts) > 0 {
		return parts
	}
	var nulls []string
	for name := range strings.SplitSeq(columns, ", ") {
		nulls = append(nulls, "NULL AS "+name)
	}
	return []string{"SELECT " + strings.Join(nulls, ", ") + " WHERE false"}
}
