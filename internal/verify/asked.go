package verify

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// none ends lists of indices.
const none = ^uint32(0)

// marks are properties of a probe, or of a flow.
type marks uint8

// Marks of a probe.
const (
	inTraces   marks = 1 << iota // its answer is in a trace record
	inReplies                    // its answer is in a reply record, or a row
	atTarget                     // the target was the last to have it
	flipped                      // a copy of its answer with wrong bits was sent too
	unreadable                   // quotes another target or flow: cannot be attributed
	ruledOut                     // masstrace must reject the answer: too few intact tags
	oneTag                       // masstrace need not believe its answer at once
)

// Marks of a flow.
const (
	traced   marks = 1 << iota // the results have its trace
	unstable                   // a field changed that must not; set for the first such flow
	sizeVaries
)

// sent is a probe that reached the simulator.
type sent struct {
	time    int64  // ns
	wait    uint32 // ns until the answer was due
	flow    uint32
	who     uint32 // index into routers of the last router that had it, if not atTarget
	second  uint32 // transport octets 4 to 7
	ipID    uint16
	mangled netsim.Mangle // fields rewritten in the answer's quotation
	ttl     uint8
	dist    uint8 // distance of the node that had it last
	fate    netsim.Fate
	answer  netsim.Answer
	copies  uint8
	marks   marks
}

// emitted reports whether an answer was sent that shows a hop.
func (s *sent) emitted() bool { return s.fate == netsim.Answered && s.copies > 0 && showsHop(s.answer) }

// showsHop reports whether an answer shows the interface at a TTL.
func showsHop(a netsim.Answer) bool { return a != netsim.UDPReply && a != netsim.ChallengeACK }

// due returns the time at which the answer left the simulator.
func (s *sent) due() int64 { return s.time + int64(s.wait) }

// flow is the properties that the probes of one flow share, see netsim.Flow.
type flow struct {
	dest, next   uint32 // its destination; the next flow to that destination, or none
	same         uint32 // the next flow to that destination with the same value, or none
	first, label uint32
	from, to     uint32 // range of its probes, once sorted
	id, size     uint16
	source       uint16
	resumed      uint16 // the number of the process that its probes are of
	proto, tos   uint8
	end          uint8 // last TTL of its trace
	attempts     uint8 // attempts per TTL according to its trace
	marks        marks
	inferred     uint64 // TTLs, one bit each, at which its trace has a true inferred hop
}

// name returns the value by which tools distinguish flows: the source port, or the identifier of an
// echo.
func (f *flow) name() uint16 {
	if f.isEcho() {
		return f.id
	}
	return uint16(f.first >> 16)
}

// value returns the value by which results name a flow: the source port, or the checksum of an
// echo.
func (f *flow) value() uint16 {
	if f.isEcho() {
		return uint16(f.first)
	}
	return uint16(f.first >> 16)
}

func (f *flow) isEcho() bool { return f.proto == probe.ProtoICMP || f.proto == probe.ProtoICMPv6 }

// dest is a destination that was probed.
type dest struct {
	addr   probe.Addr
	flow   uint32 // its first flow
	flows  uint16
	traces uint16 // number of its records in the results
}

// asked is the content of the log for one vantage point: every probe and its fate.
type asked struct {
	truth *netsim.Truth
	boxes bool // some boxes on the paths rewrite packets
	// changes is set if load balancers or routes change during a run.
	changes bool

	probes  []sent // in order of flow, TTL and time
	flows   []flow
	dests   []dest
	routers []probe.Addr
	sources []probe.Addr

	seed          maphash.Seed // random: no log can be made to collide
	byAddr, byWho index        // of dests and routers
	// Of flows: by all fields, and the first one with a name or value.
	byFlow, byName, byValue index

	targets   *target.Set              // nil: any address
	outside   map[probe.Addr]uint64    // probes to the first other addresses
	outsiders uint64                   // probes to all of them
	entries   uint64                   // of the whole log, of all vantage points
	others    uint64                   // number of packets that are not probes
	fates     [256]uint64              // of probes, by fate
	copies    map[netsim.Answer]uint64 // emitted answers to probes, by kind
	cut       bool
	pace      Pace

	begin, last int64 // time of the first valid probe, and of the last, ns

	over func() bool // reports whether the comparison must stop; nil: never
}

// mostExpected is for how many probes there is room before a log is read. Room costs nothing until
// it is used.
const mostExpected = 1 << 24

// isProbe reports whether a packet is a probe. Kernels also send packets by themselves: resets,
// ICMP errors, group memberships.
func isProbe(r *netsim.Record) bool {
	switch r.Protocol {
	case probe.ProtoICMP:
		return r.TTL <= probe.MaxTTL && r.First>>24 == 8
	case probe.ProtoICMPv6:
		return r.TTL <= probe.MaxTTL && r.First>>24 == 128
	case probe.ProtoUDP, probe.ProtoTCP:
		return r.TTL <= probe.MaxTTL
	}
	return r.Fate == netsim.BadIPChecksum || r.Fate == netsim.Malformed // unreadable header
}

// mostOutside is how many addresses outside the targets are counted one by one.
const mostOutside = 1024

// add adds an entry.
func (a *asked) add(r *netsim.Record) error {
	if !isProbe(r) {
		a.others++
		return nil
	}
	a.fates[r.Fate]++
	if r.Dst().IsUnspecified() {
		return nil // no addresses: the header was broken
	}
	dst := probe.AddrFrom(r.Dst())
	if a.targets != nil && !a.targets.Contains(dst) {
		a.outsiders++
		if _, ok := a.outside[dst]; ok || len(a.outside) < mostOutside {
			a.outside[dst]++
		}
	}
	if !r.Fate.Valid() {
		return nil
	}
	source, ok := a.source(probe.AddrFrom(r.Src()))
	if !ok {
		return errSources
	}
	a.begin, a.last = r.Time-r.At, r.Time
	s := sent{time: r.Time, wait: r.Wait, second: r.Second, ipID: r.IPID, ttl: r.TTL, dist: r.Dist,
		fate: r.Fate, answer: r.Answer, copies: r.Copies}
	s.flow = a.flowOf(dst, source, r)
	if r.Target {
		s.marks |= atTarget
	} else if r.Fate == netsim.Answered {
		s.who = a.router(probe.AddrFrom(a.truth.Router(r)))
	}
	if r.Noisy && r.Noise == netsim.BitFlip {
		s.marks |= flipped
	}
	if s.copies > 0 {
		a.copies[s.answer] += uint64(s.copies)
	}
	if a.boxes && s.emitted() && s.answer.IsError() {
		a.rewritten(r, &s)
	}
	a.probes = append(a.probes, s)
	return nil
}

// rewritten records which fields of a quotation were rewritten.
func (a *asked) rewritten(r *netsim.Record, s *sent) {
	hop, ok := a.truth.Met(r)
	if !ok || hop.Mangled == 0 {
		return
	}
	s.mangled = hop.Mangled
	if hop.Mangled&(netsim.MangledDestination|netsim.MangledPort) != 0 {
		s.marks |= unreadable
	} else if expect(&a.flows[s.flow], s.answer, &hop).rejected {
		s.marks |= ruledOut
	}
}

// router returns the number of the router at addr.
func (a *asked) router(addr probe.Addr) uint32 {
	hash := maphash.Comparable(a.seed, addr)
	i, ok := a.byWho.find(hash, func(i uint32) bool { return a.routers[i] == addr })
	if !ok {
		i = uint32(len(a.routers))
		a.routers = append(a.routers, addr)
		a.byWho.add(hash, i, func(i uint32) uint64 { return maphash.Comparable(a.seed, a.routers[i]) })
	}
	return i
}

// checkEvery is after how many entries, or flows, the comparison checks whether it must stop. That
// many take a few ms.
const checkEvery = 1024

// sort puts the probes of a flow next to each other. If the comparison must stop, all probes
// compare as equal, so that the sort soon ends.
func (a *asked) sort() {
	a.pace = paceOf(a.probes)
	n, over := 0, false
	slices.SortFunc(a.probes, func(x, y sent) int {
		if n++; n%(64*checkEvery) == 0 && !over {
			over = a.over()
		}
		if over {
			return 0
		}
		return cmp.Or(cmp.Compare(x.flow, y.flow), cmp.Compare(x.ttl, y.ttl), cmp.Compare(x.time, y.time))
	})
	for i := range a.probes {
		f := &a.flows[a.probes[i].flow]
		if f.to == 0 {
			f.from = uint32(i)
		}
		f.to = uint32(i) + 1
	}
}

// each calls yield for every flow. If the comparison must stop, it returns early, and the results
// of its caller are not valid.
func (a *asked) each(yield func(*flow) bool) {
	for i := range a.flows {
		if i%checkEvery == 0 && a.over != nil && a.over() || !yield(&a.flows[i]) {
			return
		}
	}
}

// all calls yield for every probe, flow by flow.
func (a *asked) all(yield func(*sent) bool) {
	for f := range a.each {
		probes := a.probes[f.from:f.to]
		for k := range probes {
			if !yield(&probes[k]) {
				return
			}
		}
	}
}

// mostProbes is how many probes of one flow are compared with one record. No program sends as many.
const mostProbes = 1 << 12

// of returns the probes of a flow that one record is compared with.
func (a *asked) of(f *flow) []sent { return a.probes[f.from:min(f.to, f.from+mostProbes)] }

// at returns the probes of a flow at a TTL that one record is compared with, in the order of their
// times.
func (a *asked) at(f *flow, ttl uint8) []sent {
	probes := a.probes[f.from:f.to]
	i, ok := slices.BinarySearchFunc(probes, ttl, func(s sent, ttl uint8) int { return cmp.Compare(s.ttl, ttl) })
	if !ok {
		return nil
	}
	probes = probes[i:min(i+mostProbes, len(probes))]
	return probes[:sameTTL(probes)]
}

// sameTTL returns how many probes from the first on have its TTL.
func sameTTL(probes []sent) int {
	n := 1
	for n < len(probes) && probes[n].ttl == probes[0].ttl {
		n++
	}
	return n
}

// from returns the address of the node that had a probe last.
func (a *asked) from(s *sent) probe.Addr {
	if s.marks&atTarget != 0 {
		return a.dests[a.flows[s.flow].dest].addr
	}
	return a.routers[s.who]
}
