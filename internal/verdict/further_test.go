package verdict

import (
	"fmt"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var (
	udp33434 = record.Asked{Method: probe.UDP, Port: 33434}
	udp33435 = record.Asked{Method: probe.UDP, Port: 33435}
	udp53    = record.Asked{Method: probe.UDP, Port: 53}
	icmp     = record.Asked{Method: probe.ICMP}
	syn80    = record.Asked{Method: probe.TCPSYN, Port: 80}
	syn443   = record.Asked{Method: probe.TCPSYN, Port: 443}
	ack80    = record.Asked{Method: probe.TCPACK, Port: 80}
)

func TestAsks(t *testing.T) {
	ports := []uint16{80, 443}
	for _, tt := range []struct {
		first  record.Asked
		others []record.Asked
	}{
		{udp33434, []record.Asked{icmp, syn80, syn443, udp33435}},
		{udp53, []record.Asked{icmp, syn80, syn443, udp33434}},
		{icmp, []record.Asked{udp33434, syn80, syn443}},
		{syn443, []record.Asked{icmp, udp33434, syn80}},
		{ack80, []record.Asked{icmp, udp33434, syn80, syn443}},
	} {
		want := []Ask{{tt.first, true}, {tt.first, false}}
		for _, a := range tt.others {
			want = append(want, Ask{a, true})
		}
		for _, a := range tt.others {
			want = append(want, Ask{a, false})
		}
		if got := Asks(tt.first, ports); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tt.first, got, want)
		}
	}
}

// by is a trace with a method and port, judged by itself.
func (p path) by(j *Judge, a record.Asked) *record.Trace {
	t := p.trace()
	t.Method, t.DstPort = a.Method, a.Port
	j.Trace(t)
	return t
}

// What another port shows is about a filter, as what another method shows. What the same method and
// port show is about a lost reply.
func TestFurther(t *testing.T) {
	host := toHost("192.0.2.9", "10.0.2.1")
	ends := until("192.0.2.9", "10.0.0.1", "10.0.0.2").again()
	further := until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1").again()
	firewall := path{target: "192.0.2.9", stop: record.StopUnreach, end: 2,
		hops: []hop{exceeded(1, "10.0.0.1"), {2, "10.0.0.2", probe.KindAdmin, 13}}}
	noHost := path{target: "192.0.2.9", stop: record.StopUnreach, end: 3,
		hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), {3, "10.0.2.1", probe.KindHostUnreach, 1}}}
	noRoute := path{target: "192.0.2.9", stop: record.StopUnreach, end: 2,
		hops: []hop{exceeded(1, "10.0.0.1"), {2, "10.0.0.2", probe.KindNetUnreach, 0}}}
	atEnd := func(p path) path {
		p.change = func(t *record.Trace) { t.FirstTTL, t.MaxTTL = 32, 32 }
		return p
	}
	noAnswer := atEnd(path{target: "192.0.2.9", stop: record.StopHopLimit, end: 32, silent: []uint8{32, 32, 32}})
	loops := atEnd(path{target: "192.0.2.9", stop: record.StopHopLimit, end: 32, hops: []hop{exceeded(32, "10.0.2.1")}})
	reaches := atEnd(path{target: "192.0.2.9", stop: record.StopHopLimit, end: 32, reached: true, hops: []hop{{32, "192.0.2.9", probe.KindEchoReply, 0}}})
	branches := path{target: "192.0.2.9", stop: record.StopGapLimit, end: 9, silent: []uint8{5, 5, 6, 6, 7, 8, 9},
		hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), exceeded(3, "10.0.0.1")}}
	for _, tt := range []struct {
		name  string
		asked record.Asked // in the first trace, which ends after 10.0.0.2
		path  path
		by    record.Asked // in the further trace
		want  string       // verdict, basis, TTL; asked and passed if another method passes
	}{
		{"the same port reaches", udp33434, host, udp33434, "reached answer 4"},
		{"another port reaches", udp33434, host, udp33435, "filtered other_method 2: udp to port 33434, udp to port 33435"},
		{"a usual port reaches", udp53, host, udp33434, "filtered other_method 2: udp to port 53, udp to port 33434"},
		{"another method reaches", udp33434, host, icmp, "filtered other_method 2: udp to port 33434, icmp"},
		{"ICMP again reaches", icmp, host, icmp, "reached answer 4"},
		{"another port of TCP reaches", syn80, host, syn443, "filtered other_method 2: tcp-syn to port 80, tcp-syn to port 443"},
		{"other flags reach", ack80, host, syn80, "filtered other_method 2: tcp-ack to port 80, tcp-syn to port 80"},
		{"the same port goes on", udp33434, further, udp33434, "host_silent own_router 3"},
		{"another port goes on", udp33434, further, udp33435, "filtered other_method 2: udp to port 33434, udp to port 33435"},
		{"another method goes on", udp33434, further, syn80, "filtered other_method 2: udp to port 33434, tcp-syn to port 80"},
		{"another port ends there", udp33434, ends, udp33435, "no_path shared_router 2"},
		{"another port finds no host", udp33434, noHost, udp33435, "filtered other_method 2: udp to port 33434, udp to port 33435"},
		{"the same port finds no host", udp33434, noHost, udp33434, "unreachable report 3"},
		{"another method finds no route", udp33434, noRoute, icmp, "unreachable report 2"},
		{"a firewall refuses another method", udp33434, firewall, icmp, "no_path shared_router 2"},
		{"another method shows a branch", udp33434, branches, icmp, "no_path shared_router 2"},
		{"the same port reaches at the end", udp33434, reaches, udp33434, "reached answer 32"},
		{"another method reaches at the end", udp33434, reaches, icmp, "filtered other_method 2: udp to port 33434, icmp"},
		{"the same port is silent at the end", udp33434, noAnswer, udp33434, "no_path shared_router 2"},
		{"another method is silent at the end", udp33434, noAnswer, icmp, "no_path shared_router 2"},
		{"another method goes around at the end", udp33434, loops, icmp, "no_path shared_router 2"},
		{"a firewall refuses the same", udp33434, firewall, udp33434, "filtered report 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j Judge
			for _, p := range []path{toHost("192.0.0.9", "10.0.1.1"), toHost("192.0.1.9", "10.0.1.2")} {
				j.Trace(p.trace())
			}
			v := ends.by(&j, tt.asked).Judged
			if v.Verdict != record.VerdictNoPath {
				t.Fatalf("the first trace: %s %s", v.Verdict, v.Basis)
			}
			v = Further(v, tt.asked, tt.path.by(&j, tt.by))
			got := fmt.Sprint(v.Verdict, " ", v.Basis, " ", v.TTL)
			if v.Basis == record.BasisOtherMethod {
				got += fmt.Sprintf(": %s, %s", v.Asked, v.Passed)
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
