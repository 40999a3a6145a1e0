package annotate

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// pathParts are the parts of AS paths that answers belong to, by their numbers. Number 0 is that of
// addresses without an origin.
type pathParts struct {
	list   []record.PathPart
	byASN  map[uint32]uint32 // numbers of those of one origin
	others map[string]uint32
	room   []byte
}

func newPathParts() pathParts {
	return pathParts{
		list:  []record.PathPart{{Kind: record.PathUnknown}},
		byASN: map[uint32]uint32{}, others: map[string]uint32{},
	}
}

// number returns the number of the part that an address with this annotation belongs to.
func (p *pathParts) number(n *record.Annotation) uint32 {
	switch {
	case n == nil || len(n.ASN) == 0 && n.IXP == "":
		return 0
	case n.IXP == "" && len(n.ASN) == 1:
		id, ok := p.byASN[n.ASN[0]]
		if !ok {
			id = p.add(record.PathPart{Kind: record.PathAS, ASN: n.ASN})
			p.byASN[n.ASN[0]] = id
		}
		return id
	}
	part := record.PathPart{Kind: record.PathAS, ASN: n.ASN, IXP: n.IXP}
	if n.IXP != "" {
		part.Kind = record.PathIXP
	}
	p.room = append(p.room[:0], byte(part.Kind), byte(len(n.ASN)), byte(len(n.ASN)>>8))
	for _, asn := range part.ASN {
		p.room = binary.BigEndian.AppendUint32(p.room, asn)
	}
	p.room = append(p.room, part.IXP...)
	id, ok := p.others[string(p.room)]
	if !ok {
		id = p.add(part)
		p.others[string(p.room)] = id
	}
	return id
}

func (p *pathParts) add(part record.PathPart) uint32 {
	p.list = append(p.list, part)
	return uint32(len(p.list) - 1)
}

// appendPath appends the parts of the AS path of an annotated trace. A part has consecutive TTLs.
// Of several addresses at one TTL, the first one counts. numbers has the parts of the hops.
func (a *Annotator) appendPath(path []record.PathPart, t *record.Trace) []record.PathPart {
	const silent = ^uint32(0)
	last := t.End
	if n := len(t.Hops); n > 0 {
		last = max(last, t.Hops[n-1].TTL)
	}
	before, hop, inferred := silent-1, 0, 0
	for ttl := int(firstTTL(t)); ttl <= int(last); ttl++ {
		for hop < len(t.Hops) && int(t.Hops[hop].TTL) < ttl {
			hop++
		}
		for inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) < ttl {
			inferred++
		}
		part := silent
		switch {
		case hop < len(t.Hops) && int(t.Hops[hop].TTL) == ttl:
			part = a.numbers[hop]
		case inferred < len(t.Inferred) && int(t.Inferred[inferred].TTL) == ttl:
			part = a.parts.number(t.InferredAnnotations[inferred])
		}
		if part == before {
			path[len(path)-1].Last = uint8(ttl)
			continue
		}
		before = part
		p := record.PathPart{Kind: record.PathSilent}
		if part != silent {
			p = a.parts.list[part]
		}
		p.First, p.Last = uint8(ttl), uint8(ttl)
		path = append(path, p)
	}
	return path
}

// firstTTL returns the first TTL that a trace has anything of.
func firstTTL(t *record.Trace) uint8 {
	first := uint8(probe.MaxTTL + 1)
	if len(t.Hops) > 0 {
		first = t.Hops[0].TTL
	}
	if len(t.Inferred) > 0 {
		first = min(first, t.Inferred[0].TTL)
	}
	if len(t.Silent) > 0 {
		first = min(first, t.Silent[0].TTL)
	}
	if t.Bare && t.FirstTTL > 0 {
		first = min(first, t.FirstTTL)
	}
	return max(first, 1)
}
