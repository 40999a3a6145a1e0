package programs

import (
	"encoding/binary"
	"net"

	"github.com/google/gopacket/pcap"
	"golang.org/x/sys/unix"
)

// routerSide is the first router's end of our link: its node and its device.
const routerNode, routerDevice = "r1", "vantage"

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
