package link

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestFraming(t *testing.T) {
	tests := []struct {
		encap string
		flags uint32
		want  Framing
		err   error
	}{
		{"ether", 0, Ethernet, nil},
		{"loopback", 0, Ethernet, nil},
		{"none", 0, IP, nil},
		{"ppp", 0, IP, nil},
		{"ipip", 0, IP, nil},
		{"tunnel6", 0, IP, nil},
		{"sit", 0, IP, nil},
		{"unknown519", 0, IP, nil},
		{"gre", unix.IFF_POINTOPOINT, IP, nil},
		{"gre", 0, 0, ErrFraming},
		{"unknown823", unix.IFF_POINTOPOINT, IP, nil},
		{"unknown823", 0, 0, ErrFraming},
		{"infiniband", 0, 0, ErrFraming},
		{"ieee802.11/radiotap", 0, 0, ErrFraming},
	}
	for _, tt := range tests {
		got, err := framing(&netlink.LinkAttrs{EncapType: tt.encap, RawFlags: tt.flags})
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("framing(%s, %#x) = %v, %v; want %v, %v", tt.encap, tt.flags, got, err, tt.want, tt.err)
		}
	}
}

func TestLinkDown(t *testing.T) {
	const up = unix.IFF_UP | unix.IFF_LOWER_UP
	tests := []struct {
		flags uint32
		oper  netlink.LinkOperState
		want  string
	}{
		{up, netlink.OperUp, ""},
		{up, netlink.OperUnknown, ""}, // loopback, tun
		{up, netlink.OperDormant, "its operational state is dormant"},
		{unix.IFF_UP, netlink.OperDown, "it has no carrier"},
		{unix.IFF_LOWER_UP, netlink.OperDown, "it is not set up"},
	}
	for _, tt := range tests {
		if got := linkDown(&netlink.LinkAttrs{RawFlags: tt.flags, OperState: tt.oper}); got != tt.want {
			t.Errorf("linkDown(%#x, %v) = %q, want %q", tt.flags, tt.oper, got, tt.want)
		}
	}
}

// An interrupted dump is repeated. In the end it is used although it was interrupted.
func TestComplete(t *testing.T) {
	for _, interruptions := range []int{0, 3, 1000} {
		calls := 0
		got, err := complete(func() ([]int, error) {
			if calls++; calls <= interruptions {
				return []int{1}, netlink.ErrDumpInterrupted
			}
			return []int{1, 2}, nil
		})
		if err != nil || len(got) == 0 || interruptions < 5 && len(got) != 2 {
			t.Errorf("%d interruptions: %v, %v", interruptions, got, err)
		}
	}
}
