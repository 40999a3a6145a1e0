package names

import (
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone has one name with two addresses.
type zone struct{}

const name = "r1.example.net"

var both = []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}

func (zone) Name(a netip.Addr) (string, bool) { return name, a == both[0] || a == both[1] }

func (zone) Addrs(n string) []netip.Addr {
	if n == name {
		return both
	}
	return nil
}

func TestAnswer(t *testing.T) {
	const reverse6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
	for _, tt := range []struct {
		question string
		kind     dnsmessage.Type
		code     dnsmessage.RCode
		want     string // "" means no record
	}{
		{"r1.example.net.", dnsmessage.TypeA, 0, "192.0.2.7"},
		{"R1.Example.NET.", dnsmessage.TypeAAAA, 0, "2001:db8::7"},
		{"r1.example.net.", dnsmessage.TypeMX, 0, ""},
		{"r2.example.net.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"7.2.0.192.in-addr.arpa.", dnsmessage.TypePTR, 0, name + "."},
		{"7.2.0.192.in-addr.arpa.", dnsmessage.TypeA, 0, ""},
		{"8.2.0.192.in-addr.arpa.", dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
		{"2.0.192.in-addr.arpa.", dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
		{reverse6, dnsmessage.TypePTR, 0, name + "."},
		{reverse6[2:], dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
		{"x" + reverse6[1:], dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
		{".", dnsmessage.TypeNS, dnsmessage.RCodeNameError, ""},
	} {
		q := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: 77, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(tt.question), Type: tt.kind, Class: dnsmessage.ClassINET}},
		}
		query, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		reply, ok := answer(zone{}, query)
		var m dnsmessage.Message
		if err := m.Unpack(reply); err != nil || !ok || m.ID != 77 || !m.Response || m.RCode != tt.code || len(m.Questions) != 1 {
			t.Errorf("%s %v: %v, %+v", tt.question, tt.kind, err, m.Header)
		}
		got := ""
		for _, r := range m.Answers {
			switch body := r.Body.(type) {
			case *dnsmessage.AResource:
				got += netip.AddrFrom4(body.A).String()
			case *dnsmessage.AAAAResource:
				got += netip.AddrFrom16(body.AAAA).String()
			case *dnsmessage.PTRResource:
				got += body.PTR.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.question, tt.kind, got, tt.want)
		}
		if _, ok := answer(zone{}, reply); ok {
			t.Errorf("%s: a reply was answered", tt.question)
		}
	}
}

// Packets of any form are answered without a panic.
func TestAnswerNonsense(t *testing.T) {
	for n := range 40 {
		packet := make([]byte, n)
		for i := range packet {
			packet[i] = byte(i * 37)
		}
		answer(zone{}, packet)
	}
	status := []byte{0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1} // OPCODE 2
	reply, ok := answer(zone{}, status)
	if !ok || dnsmessage.RCode(reply[3]&15) != dnsmessage.RCodeNotImplemented {
		t.Errorf("a status query got % x", reply)
	}
}

func TestHostLabel(t *testing.T) {
	for label, text := range map[string]string{"h192-0-2-7": "192.0.2.7", "h2001-db8-0-0-0-0-0-7": "2001:db8::7"} {
		a := netip.MustParseAddr(text)
		if got := HostLabel(a); got != label {
			t.Errorf("HostLabel(%s) = %s, want %s", text, got, label)
		}
		if got, ok := ParseHostLabel(label); !ok || got != a {
			t.Errorf("ParseHostLabel(%s) = %v, %v", label, got, ok)
		}
	}
	for _, label := range []string{"", "h", "192-0-2-7", "h192-0-2", "h2001-db8-0-0-0-0-0-007", "h2001-db8--7"} {
		if a, ok := ParseHostLabel(label); ok {
			t.Errorf("ParseHostLabel(%s) = %v", label, a)
		}
	}
}
