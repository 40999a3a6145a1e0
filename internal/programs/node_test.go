package programs

import (
	"encoding/binary"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/gopacket/pcap"
	"golang.org/x/sys/unix"
)

// routerSide is the first router's end of our link: its node and its device.
const routerNode, routerDevice = "r1", "vantage"

// within runs f on a thread that is in a node's network namespace: sockets that
// it opens belong there.
func within(t *testing.T, node string, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		// Not unlocked: the thread, in a foreign namespace, ends with us.
		runtime.LockOSThread()
		ns, err := unix.Open(filepath.Join("/run/netns", node), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(ns)
			err = unix.Setns(ns, unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("in namespace %s: %v", node, err)
	}
}

// listen opens a capture on a device of the calling thread's namespace.
func listen(device, filter string, direction pcap.Direction) (*pcap.Handle, error) {
	h, err := pcap.NewInactiveHandle(device)
	if err != nil {
		return nil, err
	}
	defer h.CleanUp()
	for _, err := range []error{h.SetSnapLen(2048), h.SetTimeout(10e6), h.SetBufferSize(32 << 20)} {
		if err != nil {
			return nil, err
		}
	}
	live, err := h.Activate()
	if err != nil {
		return nil, err
	}
	if err := live.SetBPFFilter(filter); err != nil {
		return nil, err
	}
	return live, live.SetDirection(direction)
}

// rawSocket opens a socket that frames can be sent by on a device of the
// calling thread's namespace.
func rawSocket(device string) (fd int, err error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return -1, err
	}
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{
		Protocol: binary.BigEndian.Uint16([]byte{0, 0}), Ifindex: link.Index,
	})
}
