package receiver

import (
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/probe"
)

// span is the codes from first to last of an ICMP type.
type span struct {
	typ, first, last uint8
	kind             probe.Kind
}

// Every type and code, as errors that quote one of our probes. A type or code that is not in the
// list makes no reply. Echo replies do not come this way.
var kinds4 = []span{
	{3, 0, 0, probe.KindNetUnreach},
	{3, 1, 1, probe.KindHostUnreach},
	{3, 2, 2, probe.KindProtoUnreach},
	{3, 3, 3, probe.KindPortUnreach},
	{3, 4, 4, probe.KindFragNeeded},
	{3, 5, 5, probe.KindUnreach},
	{3, 6, 6, probe.KindNetUnreach},
	{3, 7, 7, probe.KindHostUnreach},
	{3, 8, 8, probe.KindUnreach},
	{3, 9, 10, probe.KindAdmin},
	{3, 11, 11, probe.KindNetUnreach},
	{3, 12, 12, probe.KindHostUnreach},
	{3, 13, 13, probe.KindAdmin},
	{3, 14, 255, probe.KindUnreach},
	{11, 0, 0, probe.KindTTLExceeded},
	{11, 1, 1, probe.KindReassemblyExceeded},
	{11, 2, 255, probe.KindOther},
	{12, 0, 255, probe.KindParameterProblem},
}

var kinds6 = []span{
	{1, 0, 0, probe.KindNetUnreach},
	{1, 1, 1, probe.KindAdmin},
	{1, 2, 2, probe.KindUnreach},
	{1, 3, 3, probe.KindHostUnreach},
	{1, 4, 4, probe.KindPortUnreach},
	{1, 5, 5, probe.KindAdmin},
	{1, 6, 6, probe.KindNetUnreach},
	{1, 7, 255, probe.KindUnreach},
	{2, 0, 255, probe.KindPacketTooBig},
	{3, 0, 0, probe.KindTTLExceeded},
	{3, 1, 1, probe.KindReassemblyExceeded},
	{3, 2, 255, probe.KindOther},
	{4, 0, 255, probe.KindParameterProblem},
}

func TestKinds(t *testing.T) {
	c := newCodec(t, probe.UDP)
	d, heard := newDecoder(t, c, layers.LinkTypeRaw)
	for _, is4 := range []bool{true, false} {
		table := kinds6
		if is4 {
			table = kinds4
		}
		want := map[[2]uint8]probe.Kind{}
		for _, s := range table {
			for code := int(s.first); code <= int(s.last); code++ {
				want[[2]uint8{s.typ, uint8(code)}] = s.kind
			}
		}
		quote := quoted(sent(c, asked(is4)), 0)
		for i := range 1 << 16 {
			typ, code := uint8(i>>8), uint8(i)
			frame := ip6(router6, 58, nil, icmp6(router6, typ, code, 0, quote))
			if is4 {
				frame = ip4(router4, 1, nil, icmp4(typ, code, 0, quote))
			}
			var r probe.Reply
			before := heard.Unrelated.Load()
			ok := d.isReply(frame, &r)
			kind, listed := want[[2]uint8{typ, code}]
			if ok != listed || ok && (r.Kind != kind || r.Type != typ || r.Code != code || r.Probe != asked(is4)) {
				t.Errorf("type %d code %d: %t, %v, %+v; want %t, %v", typ, code, ok, r.Kind, r.Probe, listed, kind)
			}
			if unrelated := heard.Unrelated.Load() - before; (unrelated == 1) == listed {
				t.Errorf("type %d code %d: counted %d as unrelated", typ, code, unrelated)
			}
		}
	}
}
