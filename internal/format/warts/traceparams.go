package warts

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Parameters of a trace. Comments give the length in octets, and the unit.
const (
	traceList       = 1  // 4: number of its list
	traceCycle      = 2  // 4: number of its cycle
	traceOldSource  = 3  // 4: number of an address object
	traceOldTarget  = 4  // 4: likewise
	traceStart      = 5  // time
	traceStopReason = 6  // 1
	traceStopData   = 7  // 1: ICMP code of unreach, type of icmp, errno of error
	traceFlags      = 8  // 1: the lowest octet of traceAllFlags
	traceAttempts   = 9  // 1
	traceMaxTTL     = 10 // 1
	traceMethod     = 11 // 1
	traceProbeSize  = 12 // 2
	traceSrcPort    = 13 // 2: ICMP: the identifier
	traceDstPort    = 14 // 2: ICMP: the checksum, see flagChecksum
	traceFirstTTL   = 15 // 1: lowest TTL probed
	traceTOS        = 16 // 1
	traceWait       = 17 // 1: s
	traceLoops      = 18 // 1: loops that a trace may have
	traceEnd        = 19 // 2: the last TTL that belongs to the trace
	traceGapLimit   = 20 // 1
	traceGapAction  = 21 // 1: see gapStop
	traceLoopAction = 22 // 1
	traceProbeCount = 23 // 2
	traceWaitProbe  = 24 // 1: 10 ms
	traceConfidence = 25 // 1: %
	traceSource     = 26 // address
	traceTarget     = 27 // address
	traceFlow       = 28 // 4: a number that users chose; ours is the index of the flow
	traceOffset     = 29 // 2: IP fragment offset
	traceRouter     = 30 // address: never in the list of addresses
	traceQueries    = 31 // 1: TTLs that are probed at once
	traceAllFlags   = 32 // 4
)

// traceFlagsLen is the number of flag octets that we write: up to traceFlow.
const traceFlagsLen = 4

// Flags of a trace.
const (
	flagDoubletree = 0x10
	flagChecksum   = 0x20 // traceDstPort is the checksum of the probes
	flagSocketOnly = 0x80 // replies came without their headers: sizes and quotations are unknown
)

// gapStop is the action at the gap limit that ends the trace.
const gapStop = 1

func appendTraceParams(b []byte, table *addresses, t *record.Trace, list, cycle uint32) []byte {
	b, p := beginParams(b, traceFlagsLen)
	octet := func(id int, v uint8) { p.set(b, id); b = append(b, v) }
	short := func(id int, v int) {
		p.set(b, id)
		b = binary.BigEndian.AppendUint16(b, uint16(min(max(v, 0), math.MaxUint16)))
	}
	number := func(id int, v uint32) { p.set(b, id); b = binary.BigEndian.AppendUint32(b, v) }

	number(traceList, list)
	number(traceCycle, cycle)
	p.set(b, traceStart)
	b = appendTime(b, t.Start)
	octet(traceStopReason, stopNumbers[t.StopReason])
	octet(traceStopData, t.StopData)
	if flags := flagsOf(t); flags != 0 {
		octet(traceFlags, flags)
	}
	octet(traceAttempts, t.Attempts)
	octet(traceMaxTTL, t.MaxTTL)
	port := t.DstPort
	switch {
	case t.Method == probe.UDP && t.DstPort == 0: // each probe has another one
		octet(traceMethod, methodUDP)
	case int(t.Method) < len(methods):
		octet(traceMethod, methods[t.Method])
	}
	if t.Method == probe.ICMP {
		port = t.Flow.Value
	}
	short(traceProbeSize, t.ProbeSize)
	short(traceSrcPort, int(t.Flow.Value))
	short(traceDstPort, int(port))
	octet(traceFirstTTL, lowestTTL(t))
	octet(traceTOS, t.TOS)
	octet(traceWait, uint8(min((t.Wait+time.Second-1)/time.Second, math.MaxUint8))) // rounded up
	short(traceEnd, lastTTL(t))
	if t.GapLimit > 0 {
		octet(traceGapLimit, uint8(min(t.GapLimit, math.MaxUint8)))
	}
	octet(traceGapAction, gapStop)
	short(traceProbeCount, t.ProbeCount)
	if !t.Source.IsZero() {
		p.set(b, traceSource)
		b = table.append(b, t.Source, t.Target.Is6())
	}
	p.set(b, traceTarget)
	b = table.append(b, t.Target, t.Target.Is6())
	if t.FlowIndex != 0 {
		number(traceFlow, uint32(t.FlowIndex))
	}
	p.end(b)
	return b
}

func flagsOf(t *record.Trace) (flags uint8) {
	if doubletree(t) {
		flags |= flagDoubletree
	}
	if t.Method == probe.ICMP && t.Flow.Value != 0 {
		flags |= flagChecksum
	}
	if withoutHeaders(t) {
		flags |= flagSocketOnly
	}
	return flags
}

// withoutHeaders reports whether the replies came without their headers: some lack the quotation
// that readers take for granted, and no size is known.
func withoutHeaders(t *record.Trace) (some bool) {
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.HasQuote || h.ReplySize != 0 || h.ReplyID != 0 {
			return false
		}
		some = some || quotes(h)
	}
	return some
}

// lowestTTL returns the lowest TTL that was probed, at least 1. scamper's tools do not show hops
// below it.
func lowestTTL(t *record.Trace) uint8 {
	lowest := t.FirstTTL
	if t.FirstHop != 0 {
		lowest = t.FirstHop
		if len(t.Silent) > 0 {
			lowest = min(lowest, t.Silent[0].TTL)
		}
	}
	if len(t.Hops) > 0 {
		lowest = min(lowest, t.Hops[0].TTL)
	}
	return max(lowest, 1)
}

// lastTTL returns the last TTL of a trace, which is not below that of any hop.
func lastTTL(t *record.Trace) int {
	last := t.End
	for i := range t.Hops {
		last = max(last, t.Hops[i].TTL)
	}
	return int(last)
}

// traceParams reads the parameters of a trace.
func (d *decoder) traceParams(c *cursor, t *record.Trace) error {
	f := c.fields()
	port := uint16(0)
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case traceList, traceCycle, traceFlow, traceAllFlags, traceOldSource, traceOldTarget:
			d.traceNumber(&f, id, t)
		case traceStart:
			t.Start = f.time()
		case traceProbeSize:
			t.ProbeSize = int(f.short())
		case traceSrcPort:
			t.Flow.Value = f.short()
		case traceDstPort:
			port = f.short()
		case traceEnd:
			if end := f.short(); end <= math.MaxUint8 {
				t.End = uint8(end)
			}
		case traceProbeCount:
			t.ProbeCount = int(f.short())
		case traceOffset:
			_ = f.short()
		case traceSource:
			t.Source = d.table.read(&f.cursor)
		case traceTarget:
			t.Target = d.table.read(&f.cursor)
		case traceRouter:
			length := int(f.octet())
			_ = f.address(f.octet(), length)
		default:
			d.traceOctet(&f, id, t)
		}
	}
	switch {
	case t.Method == probe.ICMP && d.flags&flagChecksum != 0:
		t.Flow.Value = port
	case t.Method == probe.ICMP:
		t.Flow.Value = 0 // it has an identifier, but its checksum is not fixed
	case !d.ports:
		t.DstPort = port
	}
	t.FirstTTL = max(t.FirstTTL, 1)
	return f.err
}

// traceNumber reads a parameter of 4 octets.
func (d *decoder) traceNumber(f *fields, id int, t *record.Trace) {
	switch id {
	case traceFlow:
		if n := f.number(); n <= math.MaxUint16 { // scamper's may be any number
			t.FlowIndex = uint16(n)
		}
	case traceAllFlags:
		d.flags = f.number()
	case traceOldSource:
		t.Source = d.oldAddress(&f.cursor)
	case traceOldTarget:
		t.Target = d.oldAddress(&f.cursor)
	default:
		_ = f.number()
	}
}

// traceOctet reads a parameter of one octet, or ends the parameters.
func (d *decoder) traceOctet(f *fields, id int, t *record.Trace) {
	if id > traceQueries {
		f.end()
		return
	}
	v := f.octet()
	switch id {
	case traceStopReason:
		if int(v) < len(stopReasons) {
			t.StopReason = stopReasons[v]
		}
	case traceStopData:
		t.StopData = v
	case traceFlags:
		d.flags = uint32(v)
	case traceAttempts:
		t.Attempts = v
	case traceMaxTTL:
		t.MaxTTL = v
	case traceMethod:
		t.Method, d.ports = methodOf(v), v == methodUDP
	case traceFirstTTL:
		t.FirstTTL = v
	case traceTOS:
		t.TOS = v
	case traceWait:
		t.Wait = time.Duration(v) * time.Second
	case traceGapLimit:
		t.GapLimit = int(v)
	}
}
