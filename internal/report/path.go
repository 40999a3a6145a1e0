package report

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// path is a trace as the page has it. Addresses are numbers in the book.
type path struct {
	hash           uint64 // of the target
	target, source uint32
	file           uint16
	flow           uint16
	probes         uint16
	method         uint8
	stop           record.StopReason
	data           uint8 // see record.Result
	first, end     uint8 // TTLs
	nat            uint8 // see record.Result
	flags          uint8
	start          int64  // ns since the Unix epoch
	silent         uint64 // TTLs that were probed in vain, one bit each
	limited        uint64 // those of them at routers that limit their answers
	judged         judged
	hops           []hop
}

// Flags of a path. The page has the same numbers.
const (
	flagReached = 1 << iota
	flagHalted
	flagContested
	flagDrops // this machine may have lost replies
	flagLoop
)

// hop is a hop as the page has it.
type hop struct {
	addr         uint32
	rtt          uint32 // µs; unknownRTT
	ext          uint16 // number of the label stack in the dictionary, 0 without one
	mangled      probe.Mangled
	ttl, attempt uint8
	kind         probe.Kind
	replyTTL     uint8
}

// unknownRTT is the RTT of a hop without one; longer ones are one µs less. RTTs have 24 bits.
const unknownRTT = 1<<24 - 1

// mostHops is the number of hops of a trace that are kept.
const mostHops = 512

// newPath returns the path of t.
func (g *gathering) newPath(t *record.Trace) path {
	p := path{
		target: g.book.number(t.Target, t.TargetAnnotation), source: g.book.number(t.Source, nil),
		file: uint16(min(len(g.runs)-1, 1<<16-1)), flow: t.FlowIndex, method: uint8(t.Method),
		probes: uint16(min(max(t.ProbeCount, 0), 1<<16-1)), stop: t.StopReason, data: t.StopData,
		first: max(t.FirstTTL, 1), end: t.End, nat: t.NATFirstTTL, start: t.Start,
	}
	p.flags = mark(t.Reached, flagReached) | mark(t.Halted || t.CutOff, flagHalted) |
		mark(len(t.Contested) > 0, flagContested) | mark(len(t.UnderDrops) > 0, flagDrops) | mark(len(t.Loops) > 0, flagLoop)
	p.judged = g.newJudged(&t.Judged)
	p.hops = make([]hop, 0, min(len(t.Hops), mostHops))
	var answered uint64
	for i := range t.Hops[:min(len(t.Hops), mostHops)] {
		h := &t.Hops[i]
		if h.Withheld || h.Superseded {
			continue
		}
		answered |= bit(h.TTL)
		p.hops = append(p.hops, g.newHop(h))
	}
	for _, s := range t.Silent {
		p.silent |= bit(s.TTL)
	}
	for _, ttl := range t.RateLimited {
		p.limited |= bit(ttl)
	}
	if last := bits.Len64(answered); t.Bare && last > 0 { // the file has no silent probes
		p.silent = (1<<(last-1) - 1) &^ (bit(p.first) - 1)
	}
	p.silent &^= answered
	return p
}

// mark returns flag if set is true.
func mark(set bool, flag uint8) uint8 {
	if set {
		return flag
	}
	return 0
}

// bit is the bit of a TTL; higher TTLs than those of our probes have none.
func bit(ttl uint8) uint64 { return 1 << ttl } // 0 from 64 on

func (g *gathering) newHop(h *record.Hop) hop {
	n := hop{
		addr: g.book.number(h.Responder, h.Annotation), rtt: unknownRTT, mangled: h.Mangled,
		ttl: h.TTL, attempt: h.Attempt, kind: h.Kind, replyTTL: h.ReplyTTL,
	}
	if h.HasRTT() && h.RTT >= 0 {
		n.rtt = uint32(min((h.RTT+500)/1000, unknownRTT-1))
	}
	if len(h.Ext) > 0 {
		n.ext = g.exts.number(stack(h.Ext))
	}
	return n
}

// stack returns the MPLS label stack of an extension structure as text, "" if there is none.
func stack(ext []byte) string {
	var x wire.Extension
	if x.Decode(ext) != nil {
		return ""
	}
	var labels []string
	objects := x.Objects()
	for objects.Next() {
		o := objects.Object
		for i := range o.NumLabels() {
			l := o.Label(i)
			labels = append(labels, fmt.Sprintf("%d exp %d ttl %d", l.Label, l.EXP, l.TTL))
		}
	}
	return strings.Join(labels, " / ")
}

// dictionary numbers texts from 1; 0 is no text, and the highest number stands for all others.
type dictionary struct {
	numbers map[string]uint16
	texts   []string
}

// mostTexts is the number of texts of a dictionary.
const mostTexts = 1<<16 - 2

func newDictionary() dictionary { return dictionary{numbers: map[string]uint16{}} }

func (d *dictionary) number(text string) uint16 {
	if text == "" {
		return 0
	}
	n, ok := d.numbers[text]
	if ok {
		return n
	}
	if len(d.texts) == mostTexts {
		return mostTexts
	}
	if len(d.texts) == mostTexts-1 {
		text = "another label stack"
	}
	d.texts = append(d.texts, text)
	n = uint16(len(d.texts))
	d.numbers[text] = n
	return n
}

// book numbers the addresses of the paths, and has their entries of databases.
type book struct {
	numbers map[probe.Addr]uint32
	addrs   []address
	known   map[string]*annotation
}

// address is an address of a path.
type address struct {
	addr  probe.Addr
	name  string
	about *annotation // nil if nothing is known
}

// annotation has the entries of databases for an address, except its name.
type annotation struct {
	ASN     []uint32 `json:"asn,omitempty"`
	ASName  string   `json:"as_name,omitempty"`
	IXP     string   `json:"ixp,omitempty"`
	Country string   `json:"country,omitempty"`
	Prefix  string   `json:"prefix,omitempty"`

	number uint32 // in the page, from 1
}

func newBook() *book {
	return &book{numbers: map[probe.Addr]uint32{}, known: map[string]*annotation{}}
}

// number returns the number of an address, which is new or known.
func (b *book) number(a probe.Addr, about *record.Annotation) uint32 {
	n, ok := b.numbers[a]
	if !ok {
		n = uint32(len(b.addrs))
		b.numbers[a] = n
		b.addrs = append(b.addrs, address{addr: a})
	}
	if at := &b.addrs[n]; about != nil && at.about == nil && at.name == "" {
		at.name = plaintext.Line(about.Name)
		at.about = b.annotation(about)
	}
	return n
}

// annotation returns the annotation with the same content as a, nil if a has none.
func (b *book) annotation(a *record.Annotation) *annotation {
	n := &annotation{
		ASN: slices.Clone(a.ASN), ASName: plaintext.Line(a.ASName), IXP: plaintext.Line(a.IXP), Country: plaintext.Line(a.Country),
	}
	if a.Prefix.IsValid() {
		n.Prefix = a.Prefix.String()
	}
	return b.same(n)
}

func (b *book) same(n *annotation) *annotation {
	key := fmt.Sprintf("%v\x00%s\x00%s\x00%s\x00%s", n.ASN, n.ASName, n.IXP, n.Country, n.Prefix)
	if len(n.ASN) == 0 && n.IXP == "" && n.Country == "" && n.Prefix == "" {
		return nil
	}
	if b.known[key] == nil {
		b.known[key] = n
	}
	return b.known[key]
}

// move returns the number here of an address that has number n in another book.
func (b *book) move(from *book, n uint32) uint32 {
	old := &from.addrs[n]
	at := b.number(old.addr, nil)
	if now := &b.addrs[at]; now.about == nil && now.name == "" {
		now.name = old.name
		if old.about != nil {
			now.about = b.same(old.about)
		}
	}
	return at
}

// compare orders addresses: IPv4 first.
func (a *address) compare(o *address) int { return a.addr.Netip().Compare(o.addr.Netip()) }
