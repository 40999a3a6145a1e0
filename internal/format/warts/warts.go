package warts

import (
	"bytes"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Format is warts.
var Format = format.Format{
	Name:      "warts",
	Endings:   []string{".warts"},
	Binary:    true,
	Begins:    func(head []byte) bool { return bytes.HasPrefix(head, []byte{magic >> 8, magic & 0xff}) },
	NewReader: NewReader,
	NewWriter: NewWriter,
	Lacks: []string{
		"runs, resumes and summaries",
		"replies",
		"trace-ext records, except the first hop and the meeting point of strategy topology",
		"hops that were inferred",
		"the kind and validity of hops, mangled fields and delays of this machine",
		"times finer than a microsecond, and waits finer than a second",
		"sizes, MTUs and numbers of probes above 65,535",
		"the IPv6 flow label",
		"checksums of ICMP extension structures",
		format.LacksAnnotations,
		format.LacksBalancers,
	},
}

// The header of an object.
const (
	magic     = 0x1205
	headerLen = 8
)

// Types of objects.
const (
	typeList       = 1
	typeCycleStart = 2
	typeCycleDef   = 3
	typeCycleStop  = 4
	typeAddress    = 5
	typeTrace      = 6
	typeTracelb    = 8
)

// maxObject is the longest object that is believed to be one, in octets. Others are passed over at
// any length.
const maxObject = format.MaxLine

// Parameters of lists and of cycles. Parameter 2 is the same in both.
const (
	listDescription = 1
	cycleStopTime   = 1
	vantagePoint    = 2
)

// Kinds of addresses.
const (
	kindIPv4 = 1
	kindIPv6 = 2
)

// methods are the numbers of our methods, which keep the flow of all probes of a trace.
var methods = [...]byte{probe.UDP: 5, probe.ICMP: 4, probe.TCPSYN: 3, probe.TCPACK: 6}

// Methods that do not keep the flow.
const (
	methodICMP = 1
	methodUDP  = 2 // each probe has another destination port
)

// methodOf returns the method of a number, record.NoMethod if it is not known.
func methodOf(number byte) probe.Method {
	switch number {
	case methodICMP:
		return probe.ICMP
	case methodUDP:
		return probe.UDP
	}
	if i := bytes.IndexByte(methods[:], number); i >= 0 && number != 0 {
		return probe.Method(i)
	}
	return record.NoMethod
}

// stopReasons are the stop reasons in the order of their numbers.
var stopReasons = [...]record.StopReason{
	record.StopNone, record.StopCompleted, record.StopUnreach, record.StopICMP, record.StopLoop,
	record.StopGapLimit, record.StopError, record.StopHopLimit, record.StopGSS, record.StopHalted,
}

// stopNumbers are the numbers of stop reasons.
var stopNumbers = func() (numbers [len(stopReasons)]byte) {
	for i, reason := range stopReasons {
		numbers[reason] = byte(i)
	}
	return numbers
}()
