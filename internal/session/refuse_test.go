package session

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// counted is a Sink that counts replies.
type counted struct{ replies int }

func (c *counted) Replies(batch []probe.Reply, _ int64) { c.replies += len(batch) }

// Only replies that a host would refuse are refused, and only of the family without a host.
// All replies go on to the matcher.
func TestRefuse(t *testing.T) {
	a4, a6 := netip.MustParseAddr("45.1.2.3"), netip.MustParseAddr("2a00:1::7")
	t4, t6 := probe.AddrFrom(netip.MustParseAddr("20.1.2.3")), probe.AddrFrom(netip.MustParseAddr("2600::1"))
	var batch []probe.Reply
	for kind := probe.KindOther; kind <= probe.KindUDPReply; kind++ {
		for _, target := range []probe.Addr{t4, t6} {
			batch = append(batch, probe.Reply{Facts: probe.Facts{Kind: kind, Probe: probe.Probe{Target: target, TTL: 9}}})
		}
	}
	tests := []struct {
		name     string
		method   probe.Method
		foreign4 bool
		foreign6 bool
		waiting  int // -1: no queue at all
	}{
		{"own", probe.TCPSYN, false, false, -1},
		{"foreign", probe.TCPSYN, true, true, 4},
		{"foreign IPv4", probe.TCPSYN, true, false, 2},
		{"foreign IPv6", probe.TCPSYN, false, true, 2},
		{"foreign, ACK", probe.TCPACK, true, true, -1},
		{"foreign, UDP", probe.UDP, true, true, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l Paths
			l.Add(link.Way{Path: link.Path{Name: "eth0", Source: a6, ForeignSource: tt.foreign6}})
			l.Add(link.Way{Path: link.Path{Name: "eth0", Source: a4, ForeignSource: tt.foreign4}})
			matched := new(counted)
			sink, resets := l.Refuse(tt.method, matched)
			sink.Replies(batch, 0)
			if matched.replies != len(batch) {
				t.Errorf("%d of %d replies went on", matched.replies, len(batch))
			}
			if tt.waiting < 0 {
				if resets != nil || sink != receiver.Sink(matched) {
					t.Error("something stands in front of the matcher")
				}
				return
			}
			if n := resets.Waiting(); n != tt.waiting {
				t.Errorf("%d resets wait, want %d", n, tt.waiting)
			}
		})
	}
}
