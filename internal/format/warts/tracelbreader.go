package warts

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// tracelb reads all paths to a target.
func (d *decoder) tracelb(content []byte) (*record.Multipath, error) {
	d.table.list = d.table.list[:0]
	c := cursor{octets: content}
	r := lbReader{d: d, c: &c}
	r.o.Method = record.NoMethod
	nodes, links := r.params()
	for i := range nodes {
		if r.node(); c.err != nil {
			return nil, fmt.Errorf("node %d of %d: %w", i+1, nodes, c.err)
		}
	}
	for i := range links {
		if r.link(nodes); c.err != nil {
			return nil, fmt.Errorf("link %d of %d: %w", i+1, links, c.err)
		}
	}
	switch {
	case c.err != nil:
		return nil, c.err
	case r.o.Target.IsZero():
		return nil, errors.New("has no target")
	}
	return r.o.Multipath()
}

// lbReader reads a tracelb.
type lbReader struct {
	d      *decoder
	c      *cursor
	o      tracelb.Object
	probes int
}

// params reads the parameters, and returns the numbers of nodes and of links.
func (r *lbReader) params() (nodes, links int) {
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case lbList, lbCycle, lbMostProbes, lbUser:
			_ = f.number()
		case lbOldSource:
			r.o.Source = r.d.oldAddress(&f.cursor)
		case lbOldTarget:
			r.o.Target = r.d.oldAddress(&f.cursor)
		case lbStart:
			r.o.Start = f.time()
		case lbSrcPort, lbDstPort, lbProbeSize:
			_ = f.short()
		case lbNodes:
			nodes = int(f.short())
		case lbLinks:
			links = int(f.short())
		case lbProbes:
			r.o.Probes = int(f.number())
		case lbSource:
			r.o.Source = r.d.table.read(&f.cursor)
		case lbTarget:
			r.o.Target = r.d.table.read(&f.cursor)
		default:
			r.octet(&f, id)
		}
	}
	r.failed(&f)
	return nodes, links
}

// octet reads a parameter of one octet, or ends the parameters.
func (r *lbReader) octet(f *fields, id int) {
	if id > lbFlags {
		f.end()
		return
	}
	v := f.octet()
	switch id {
	case lbMethod:
		if m, ok := tracelb.MethodOf(v); ok {
			r.o.Method = m
		}
	case lbFirstTTL:
		r.o.FirstHop = v
	case lbConfidence:
		r.o.Confidence = v
	}
}

// failed passes an error of parameters on.
func (r *lbReader) failed(f *fields) {
	if r.c.err == nil {
		r.c.err = f.err
	}
}

func (r *lbReader) node() {
	var addr probe.Addr
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case nodeOldAddress:
			addr = r.d.oldAddress(&f.cursor)
		case nodeFlags, nodeQuotedTTL:
			_ = f.octet()
		case nodeLinks:
			_ = f.short()
		case nodeAddress:
			addr = r.d.table.read(&f.cursor)
		default: // nodeName is the last one
			f.end()
		}
	}
	r.failed(&f)
	r.o.Nodes = append(r.o.Nodes, addr)
}

// link reads a link between some of the nodes.
func (r *lbReader) link(nodes int) {
	l := tracelb.Link{To: tracelb.None}
	hops := 0
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case linkFrom:
			l.From = int(f.short())
		case linkTo:
			l.To = int(f.short())
		case linkHops:
			hops = int(f.octet())
		default:
			f.end()
		}
	}
	r.failed(&f)
	if r.c.err == nil && max(l.From, l.To) >= nodes {
		r.c.err = fmt.Errorf("is between nodes %d and %d of %d", l.From, l.To, nodes)
	}
	for i := 0; i < hops && r.c.err == nil; i++ {
		l.Hops = append(l.Hops, r.set())
	}
	r.o.Links = append(r.o.Links, l)
}

// set reads the probes of a hop.
func (r *lbReader) set() (list []tracelb.Probe) {
	count := 0
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		if id == setProbes {
			count = int(f.short())
		} else {
			f.end()
		}
	}
	r.failed(&f)
	for i := 0; i < count && r.c.err == nil; i++ {
		if r.probes++; r.probes > tracelb.MostProbes {
			r.c.err = tracelb.ErrProbes
		}
		list = r.probe(list)
	}
	return list
}

// probe reads a probe and the replies to it. It appends one probe for each source of replies.
func (r *lbReader) probe(list []tracelb.Probe) []tracelb.Probe {
	var at tracelb.Probe
	replies := 0
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case probeSent:
			at.Sent = f.time()
		case probeFlow:
			at.Flow = f.short()
		case probeTTL:
			at.TTL = f.octet()
		case probeAttempt:
			_ = f.octet()
		case probeReplies:
			replies = int(f.short())
		default:
			f.end()
		}
	}
	r.failed(&f)
	if at.TTL == 0 && r.c.err == nil {
		r.c.err = errors.New("a probe has no TTL")
	}
	before := at.From
	for i := 0; i < replies && r.c.err == nil; i++ {
		if from := r.reply(); from != before {
			if before = from; !at.From.IsZero() {
				list = append(list, at)
			}
			at.From = from
		}
	}
	return append(list, at)
}

// reply returns the source of a reply. Its other fields are those of probes, and not of records.
func (r *lbReader) reply() (from probe.Addr) {
	f := r.c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case replyTime:
			_ = f.time()
		case replyID, replyICMP:
			_ = f.short()
		case replyTTL, replyFlags, replyTCPFlags, replyQuotedTTL, replyQuotedTOS:
			_ = f.octet()
		case replyExt:
			_ = f.take(int(f.short()))
		case replyOldAddress:
			from = r.d.oldAddress(&f.cursor)
		case replyAddress:
			from = r.d.table.read(&f.cursor)
		default:
			f.end()
		}
	}
	r.failed(&f)
	return from
}
