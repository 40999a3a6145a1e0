package ndjson

import (
	"strconv"

	"github.com/masstrace/masstrace/internal/record"
)

// appendExtHead appends the start of every trace-ext record.
func appendExtHead(b []byte, conf *Config) []byte {
	b = append(b, `{"type":"`+TypeTraceExt+`"`...)
	return appendString(appendKey(b, "run"), conf.Run)
}

// appendExt appends the rest of the trace-ext record of t: data without a key in scamper's
// record. It comes after the trace record with the same dst and userid.
func appendExt(b []byte, t *record.Trace) []byte {
	b = appendAddr(b, "dst", t.Target)
	b = appendInt(b, "userid", int64(t.FlowIndex))
	if t.Bare { // nothing else is known
		return append(appendPath(b, t), '}')
	}
	b = appendBool(b, "reached", t.Reached)
	if t.Distance != 0 {
		b = appendInt(b, "dst_ttl", int64(t.Distance))
	}
	if t.Met.TTL != 0 {
		b = append(appendKey(b, "lss"), `{"ttl":`...)
		b = strconv.AppendInt(b, int64(t.Met.TTL), 10)
		b = append(appendAddr(b, "addr", t.Met.Addr), '}')
	}
	b = append(appendKey(b, "no_reply"), '[')
	for i, s := range t.Silent {
		b = appendPair(b, i, s.TTL, s.Attempt)
	}
	b = append(b, ']')
	b = append(appendKey(b, "loss"), `{"sent":`...)
	b = strconv.AppendInt(b, int64(t.ProbeCount), 10)
	b = appendInt(b, "answered", int64(t.Answered))
	b = append(b, '}')
	b = appendTTLs(b, "rate_limited_ttls", t.RateLimited)
	b = appendTTLs(b, "kernel_drop_ttls", t.UnderDrops)
	b = appendTTLs(b, "contested", t.Contested)
	b = appendTTLs(b, "withheld", t.Withheld)
	if len(t.Loops) > 0 {
		b = append(appendKey(b, "loops"), '[')
		for i, l := range t.Loops {
			b = appendPair(b, i, l.First, l.Again)
		}
		b = append(b, ']')
	}
	if t.NATFirstTTL != 0 {
		b = append(appendKey(b, "nat"), `{"first_ttl":`...)
		b = strconv.AppendInt(b, int64(t.NATFirstTTL), 10)
		b = append(b, '}')
	}
	b = appendHash(b, "path_hash", t.PathHash)
	return append(appendPath(b, t), '}')
}

// appendTTLs appends a list of TTLs, nothing if it is empty.
func appendTTLs(b []byte, key string, ttls []uint8) []byte {
	if len(ttls) == 0 {
		return b
	}
	b = append(appendKey(b, key), '[')
	for i, ttl := range ttls {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(ttl), 10)
	}
	return append(b, ']')
}

// appendPair appends the i-th element of a list of pairs.
func appendPair(b []byte, i int, x, y uint8) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(x), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(y), 10)
	return append(b, ']')
}
