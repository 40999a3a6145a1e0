package sender

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The hardware addresses of a pair.
var mac0, mac1 = netns.MAC0, netns.MAC1

// newPair makes a veth pair. Both ends are in the namespace, up, and without an address.
func newPair(t testing.TB) (v0, v1 netlink.Link) {
	t.Helper()
	netns.EnterQuiet(t)
	return netns.NewVeth(t)
}

// newTun makes a device of that mode (see netns.NewTun) that is up, in a namespace of the test's
// own. The file returns the packets that are sent on it.
func newTun(t testing.TB, mode uint16) (l netlink.Link, fd int) {
	t.Helper()
	netns.EnterQuiet(t)
	fd = netns.NewTun(t, mode)
	return netns.Up(t, "tun0"), fd
}
