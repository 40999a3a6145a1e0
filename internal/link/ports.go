package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// PortsInUse returns the local ports of all UDP and TCP sockets of the calling thread's network
// namespace, ascending, without 0. Probes from these ports would disturb the sockets.
func PortsInUse() ([]uint16, error) {
	var ports []uint16
	for _, name := range []string{"udp", "udp6", "tcp", "tcp6"} {
		file, err := os.Open("/proc/thread-self/net/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("list sockets: %w", err)
		}
		ports, err = appendPorts(ports, file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("list sockets: %s: %w", file.Name(), err)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// appendPorts appends the local ports in a socket table. Its second column is
// the local address and port, in hexadecimal:
//
//	sl  local_address rem_address   st …
//	 0: 0100007F:0035 00000000:0000 07 …
func appendPorts(ports []uint16, r io.Reader) ([]uint16, error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			return nil, fmt.Errorf("line %d: no local address", n)
		}
		_, text, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(text, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("line %d: port: %w", n, err)
		}
		if port != 0 {
			ports = append(ports, uint16(port))
		}
	}
	return ports, lines.Err()
}
