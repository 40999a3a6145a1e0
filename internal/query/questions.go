package query

import (
	"fmt"
	"slices"
	"strings"
)

// Question is a question with a name, of docs/cookbook.md.
type Question struct{ Name, Text, SQL string }

// Questions are the questions that have a name.
var Questions = []Question{
	{"interfaces-per-as", "interfaces of each AS, of annotated results",
		`SELECT asn[1] AS asn, any_value(as_name) AS as_name, count(DISTINCT addr) AS interfaces FROM hops
WHERE addr <> dst AND len(asn) > 0 GROUP BY asn[1] ORDER BY interfaces DESC, asn`},
	{"links-per-as", "links with an end in each AS, of annotated results",
		`WITH systems AS (SELECT addr, any_value(asn[1]) AS asn FROM hops WHERE len(asn) > 0 GROUP BY addr),
ends AS (SELECT near, far, near AS addr FROM links UNION ALL SELECT near, far, far FROM links)
SELECT asn, count(DISTINCT (near, far)) AS links FROM ends JOIN systems USING (addr) GROUP BY asn ORDER BY links DESC, asn`},
	{"rtt-per-country", "median round-trip time to each country in ms, of annotated results",
		`SELECT country, count(*) AS answers, round(quantile_disc(rtt, 0.5), 3) AS median_ms FROM hops
WHERE rtt IS NOT NULL AND country IS NOT NULL GROUP BY country ORDER BY country`},
	{"mpls-per-as", "hops with MPLS labels, and all hops, of each AS, of annotated results",
		`SELECT asn[1] AS asn, count(*) FILTER (WHERE mpls_labels IS NOT NULL) AS labelled, count(*) AS hops FROM hops
WHERE len(asn) > 0 GROUP BY asn[1] ORDER BY labelled DESC, asn`},
	{"reached", "share of the traces that reached their target by each TTL, in percent",
		`SELECT ttl, round(100 * count(*) FILTER (WHERE stop_reason = 'COMPLETED' AND hop_count <= ttl) / count(*))::INT AS percent
FROM traces, range(1, 33) AS r(ttl) GROUP BY ttl ORDER BY ttl`},
	{"fan", "routers with the most next hops",
		`SELECT near, count(*) AS next_hops FROM links GROUP BY near ORDER BY next_hops DESC, near LIMIT 10`},
	{"links", "links on the most traces",
		`SELECT near, far, traces FROM links ORDER BY traces DESC, near, far LIMIT 10`},
	{"anonymous", "traces by the number of silent TTLs between the first and the last answer",
		`SELECT silent, count(*) AS traces FROM (SELECT max(probe_ttl)::INT - min(probe_ttl)::INT + 1 - count(DISTINCT probe_ttl) AS silent
FROM hops GROUP BY dst, userid, src) GROUP BY silent ORDER BY silent`},
	{"silent", "share of silent probes at each TTL, in percent",
		`WITH probes AS (SELECT probe_ttl AS ttl, false AS silent FROM hops WHERE NOT coalesce(inferred, false) UNION ALL
SELECT (probe->>0)::INT, true FROM (SELECT unnest(no_reply::JSON[]) AS probe FROM traces))
SELECT ttl, round(100 * count(*) FILTER (WHERE silent) / count(*))::INT AS percent FROM probes GROUP BY ttl ORDER BY ttl`},
	{"asymmetry", "answers by the number of hops that the path back is longer",
		`SELECT (CASE WHEN reply_ttl <= 32 THEN 32 WHEN reply_ttl <= 64 THEN 64 WHEN reply_ttl <= 128 THEN 128 ELSE 255 END)
- reply_ttl::INT + 1 - probe_ttl::INT AS longer, count(*) AS answers FROM hops WHERE addr IS NOT NULL GROUP BY longer ORDER BY longer`},
	{"codes", "traces by the code of the ICMP message that ended them",
		`SELECT stop_data AS code, count(*) AS traces FROM traces WHERE stop_reason = 'UNREACH' GROUP BY code ORDER BY code`},
	{"reasons", "traces by their stop reason",
		`SELECT stop_reason, count(*) AS traces FROM traces GROUP BY stop_reason ORDER BY stop_reason`},
	{"lengths", "reached targets by the length of their path",
		`SELECT hop_count, count(*) AS traces FROM traces WHERE stop_reason = 'COMPLETED' GROUP BY hop_count ORDER BY hop_count`},
	{"loops", "targets with a loop on their path",
		`SELECT count(DISTINCT dst) AS targets FROM traces WHERE loops IS NOT NULL`},
	{"ttls", "routers by the number of TTLs that they answered at",
		`SELECT ttls, count(*) AS routers FROM (SELECT count(DISTINCT probe_ttl) AS ttls FROM hops WHERE addr <> dst GROUP BY addr)
GROUP BY ttls ORDER BY ttls`},
	{"kinds", "hops by the kind of the answer",
		`SELECT kind, count(*) AS hops FROM hops WHERE kind IS NOT NULL GROUP BY kind ORDER BY kind`},
	{"routers", "routers on the paths to the most targets",
		`SELECT addr, count(DISTINCT dst) AS targets FROM hops WHERE addr <> dst GROUP BY addr ORDER BY targets DESC, addr LIMIT 10`},
	{"rtt", "median round-trip time at each TTL in microseconds",
		`SELECT probe_ttl, round(quantile_disc(rtt, 0.5) * 1000)::BIGINT AS median_us FROM hops WHERE rtt IS NOT NULL GROUP BY probe_ttl ORDER BY probe_ttl`},
}

// Ask returns the SQL of a question.
func Ask(name string) (string, error) {
	i := slices.IndexFunc(Questions, func(q Question) bool { return q.Name == name })
	if i < 0 {
		return "", fmt.Errorf("unknown question %q; the questions are %s", name, strings.Join(Names(), ", "))
	}
	return Questions[i].SQL, nil
}

// Names returns the names of the questions.
func Names() (names []string) {
	for _, q := range Questions {
		names = append(names, q.Name)
	}
	return names
}
