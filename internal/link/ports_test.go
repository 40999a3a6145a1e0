package link

import (
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

func TestPortsInUse(t *testing.T) {
	netns.Enter(t)
	var want []uint16
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenPacket(network, ":0")
		must(t, err)
		defer c.Close()
		want = append(want, uint16(c.LocalAddr().(*net.UDPAddr).Port))
	}
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, ":0")
		must(t, err)
		defer l.Close()
		want = append(want, uint16(l.Addr().(*net.TCPAddr).Port))
	}
	slices.Sort(want)
	got, err := PortsInUse()
	if want = slices.Compact(want); err != nil || !slices.Equal(got, want) {
		t.Errorf("PortsInUse = %v, %v; want %v", got, err, want)
	}
}

func TestAppendPorts(t *testing.T) {
	const head = "  sl  local_address rem_address   st\n"
	tests := []struct {
		name, in string
		want     []uint16
		ok       bool
	}{
		{"empty", "", nil, true},
		{"no sockets", head, nil, true},
		{"two", head + " 0: 0100007F:0035 00000000:0000 07\n 1: 00000000000000000000000000000000:FFFF 0:0 0A\n", []uint16{53, 65535}, true},
		{"port 0 is left out", head + " 0: 00000000:0000 00000000:0000 07\n", nil, true},
		{"no column", head + " 0:\n", nil, false},
		{"no port", head + " 0: 0100007F 0\n", nil, false},
		{"port out of range", head + " 0: 0100007F:10000 0\n", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := appendPorts(nil, strings.NewReader(tt.in))
			if (err == nil) != tt.ok || !slices.Equal(got, tt.want) {
				t.Errorf("appendPorts = %v, %v; want %v, ok %v", got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestMayCapture(t *testing.T) {
	netns.Enter(t)
	must(t, MayCapture())
	keepOnly(t, 1<<unix.CAP_NET_RAW)
	must(t, MayCapture())
	keepOnly(t, 0)
	err := MayCapture()
	if err == nil || !strings.Contains(err.Error(), "CAP_NET_RAW") || !strings.Contains(err.Error(), "setcap cap_net_raw+ep /") {
		t.Errorf("MayCapture = %v, want the capability and the command", err)
	}
}
