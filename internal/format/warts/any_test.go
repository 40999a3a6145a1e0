package warts

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// Kinds of the values of parameters that are not octets of a known number.
const (
	anAddress = -1 - iota
	aRouter   // an address that is never in the list of addresses
	aTime
	objects // of an extension structure
	aText
)

// traceValues and hopValues are the lengths of the values of parameters in octets, or their kinds.
var (
	traceValues = map[int]int{
		traceList: 4, traceCycle: 4, traceOldSource: 4, traceOldTarget: 4, traceStart: aTime, traceStopReason: 1, traceStopData: 1,
		traceFlags: 1, traceAttempts: 1, traceMaxTTL: 1, traceMethod: 1, traceProbeSize: 2, traceSrcPort: 2, traceDstPort: 2,
		traceFirstTTL: 1, traceTOS: 1, traceWait: 1, traceLoops: 1, traceEnd: 2, traceGapLimit: 1, traceGapAction: 1,
		traceLoopAction: 1, traceProbeCount: 2, traceWaitProbe: 1, traceConfidence: 1, traceSource: anAddress,
		traceTarget: anAddress, traceFlow: 4, traceOffset: 2, traceRouter: aRouter, traceQueries: 1, traceAllFlags: 4,
	}
	hopValues = map[int]int{
		hopOldAddress: 4, hopTTL: 1, hopReplyTTL: 1, hopFlags: 1, hopAttempt: 1, hopRTT: 4, hopICMP: 2, hopProbeSize: 2,
		hopReplySize: 2, hopReplyID: 2, hopReplyTOS: 1, hopMTU: 2, hopQuotedSize: 2, hopQuotedTTL: 1, hopTCPFlags: 1,
		hopQuotedTOS: 1, hopExt: objects, hopAddress: anAddress, hopSent: aTime, hopName: aText,
	}
	doubletreeValues = map[int]int{doubletreeOldMet: 4, doubletreeOldOther: 4, doubletreeFirst: 1, doubletreeMet: anAddress}
)

// anyObject makes objects with parameters at random.
type anyObject struct {
	rng   *rand.Rand
	known int // addresses in the list of the object
}

// octet returns a number that is often small, or an ICMP type.
func (a *anyObject) octet() byte {
	if a.rng.IntN(2) == 0 {
		return byte(a.rng.IntN(13))
	}
	return byte(a.rng.Uint32())
}

// value appends a value.
func (a *anyObject) value(b []byte, kind int) []byte {
	switch kind {
	case anAddress, aRouter:
		switch n := a.rng.IntN(3); {
		case n == 0 && kind == anAddress && a.known > 0:
			return binary.BigEndian.AppendUint32(append(b, 0), uint32(a.rng.IntN(a.known)))
		case n == 1:
			b = append(b, 16, kindIPv6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a.octet())
		default:
			b = append(b, 4, kindIPv4, 198, 51, 100, a.octet())
		}
		if kind == anAddress {
			a.known++
		}
		return b
	case aTime:
		b = binary.BigEndian.AppendUint32(b, a.rng.Uint32()>>a.rng.IntN(33))
		return binary.BigEndian.AppendUint32(b, a.rng.Uint32()>>a.rng.IntN(33))
	case objects:
		all := []byte(nil)
		for range a.rng.IntN(3) {
			all = append(all, 0, 4, a.octet(), a.octet(), a.octet(), a.octet(), a.octet(), a.octet())
		}
		return append(binary.BigEndian.AppendUint16(b, uint16(len(all))), all...)
	case aText:
		return append(b, "name\x00"...)
	case 4:
		return append(b, 0, 0, 0, a.octet()&3) // mostly numbers of address objects
	}
	for range kind {
		b = append(b, a.octet())
	}
	return b
}

// params appends some of the parameters, and always those of must.
func (a *anyObject) params(b []byte, values map[int]int, must ...int) []byte {
	last := 0
	for id := range values {
		last = max(last, id)
	}
	b, p := beginParams(b, (last+flagsPerOctet-1)/flagsPerOctet)
	for id := 1; id <= last; id++ {
		isMust := false
		for _, m := range must {
			isMust = isMust || id == m
		}
		if isMust || a.rng.IntN(3) == 0 {
			p.set(b, id)
			b = a.value(b, values[id])
		}
	}
	p.end(b)
	return b
}

// trace returns the object of a trace.
func (a *anyObject) trace() []byte {
	a.known = 0
	b := a.params(nil, traceValues, traceTarget)
	hops := a.rng.IntN(4)
	b = append(b, 0, byte(hops))
	for range hops {
		b = a.params(b, hopValues, hopTTL, hopAddress)
	}
	if a.rng.IntN(3) == 0 {
		content := a.params(nil, doubletreeValues)
		b = append(binary.BigEndian.AppendUint16(b, attributeDoubletree<<attributeTypeShift|uint16(len(content))), content...)
	}
	return objectOf(typeTrace, append(b, 0, 0))
}

// Traces with parameters that no program writes together are read. They can be written, and are read
// again as far as warts has a place for them.
func TestAnyParameters(t *testing.T) {
	a := anyObject{rng: effort.Rand(t)}
	before := objectOf(typeAddress, octets(t, "00 01 c0000201"))
	before = append(before, objectOf(typeAddress, octets(t, "01 01 c6336409"))...)
	before = append(before, objectOf(typeAddress, octets(t, "02 02 20010db8000000000000000000000001"))...)
	read := 0
	for range effort.Count(5_000, 2_000_000) {
		in := a.trace()
		first, err := readAll(NewReader(bytes.NewReader(append(bytes.Clone(before), in...))))
		if err != nil {
			continue // a TTL of 0
		}
		read++
		second, err := readAll(NewReader(bytes.NewReader(written(t, first...))))
		if err != nil || len(second) != 1 {
			t.Fatalf("% x: %d records, %v", in, len(second), err)
		}
		if want := kept(first[0].(*record.Trace)); !reflect.DeepEqual(want, second[0]) {
			t.Fatalf("% x (-first +second):\n%s", in, cmp.Diff(want, second[0]))
		}
	}
	if read < 1000 {
		t.Errorf("only %d traces", read)
	}
}
