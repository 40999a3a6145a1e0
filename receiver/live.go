package receiver

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/gopacket/pcap"
)

// The capture handle: unless asked for, not in immediate mode, which would wake
// us for every packet, but on blocks that the kernel retires after timeoutNS. It
// is below the 10 ms after which Go calls a wait long: see Receiver.readClock.
const (
	timeoutNS  = int64(8 * time.Millisecond)
	ringOctets = 64 << 20
	snapOctets = 9216 // the largest frame that common links carry
)

// Live is a capture on a link. Next belongs to one goroutine; Drops may be
// called from any, between opening and Close.
//
// A link that goes down and comes back does not end it: the kernel hooks the
// socket up again by itself, so that the first frame after it is seen. One
// that is deleted leaves it idle for good.
type Live struct {
	handle *pcap.Handle
	prompt bool
	stats  sync.Mutex // libpcap adds up what the kernel counted since last asked
}

// LiveConfig says what to capture.
type LiveConfig struct {
	Interface  string
	Filter     string // pcap-filter(7)
	RingOctets int    // 0 is the default, 64 MiB
	// Immediate hands each frame over as it comes, cut to 2048 octets, and says
	// after a millisecond that none came: for few frames that somebody waits for.
	Immediate bool
}

// OpenLive opens a capture of what comes in on the link. It needs CAP_NET_RAW.
func OpenLive(c LiveConfig) (*Live, error) {
	inactive, err := pcap.NewInactiveHandle(c.Interface)
	if err != nil {
		return nil, fmt.Errorf("open capture on %s: %w", c.Interface, err)
	}
	defer inactive.CleanUp()
	if c.RingOctets == 0 {
		c.RingOctets = ringOctets
	}
	snap, timeout := snapOctets, time.Duration(timeoutNS)
	if c.Immediate {
		// More than any ICMP error takes (RFC 4443 §2.4: the least MTU of IPv6).
		snap, timeout = 2048, time.Millisecond
	}
	for _, err := range []error{
		inactive.SetSnapLen(snap),
		inactive.SetTimeout(timeout),
		inactive.SetImmediateMode(c.Immediate),
		inactive.SetBufferSize(c.RingOctets),
		inactive.SetPromisc(false),
	} {
		if err != nil {
			return nil, fmt.Errorf("set up capture on %s: %w", c.Interface, err)
		}
	}
	handle, err := inactive.Activate()
	if err != nil {
		return nil, fmt.Errorf("start capture on %s: %w", c.Interface, err)
	}
	if err := handle.SetBPFFilter(c.Filter); err != nil {
		handle.Close()
		return nil, fmt.Errorf("bind filter: %w", err)
	}
	if err := handle.SetDirection(pcap.DirectionIn); err != nil {
		handle.Close()
		return nil, fmt.Errorf("capture incoming frames only: %w", err)
	}
	return &Live{handle: handle, prompt: c.Immediate}, nil
}

// Next implements Source.
func (l *Live) Next() (frame []byte, stamp int64, err error) {
	frame, info, err := l.handle.ZeroCopyReadPacketData()
	if err != nil {
		return nil, 0, l.failure(err)
	}
	return frame, info.Timestamp.UnixNano(), nil
}

// Prompt reports whether frames are handed over as they come.
func (l *Live) Prompt() bool { return l.prompt }

// failure returns what Next makes of an error of libpcap.
func (l *Live) failure(err error) error {
	if errors.Is(err, pcap.NextErrorTimeoutExpired) {
		return ErrIdle
	}
	if !errors.Is(err, pcap.NextErrorReadError) {
		return err
	}
	cause := l.handle.Error()
	if !isDown(cause) {
		return cause // libpcap's own words say more than gopacket's number
	}
	// libpcap does not wait on such a link, and must not be asked at once.
	time.Sleep(time.Duration(timeoutNS))
	return ErrIdle
}

// isDown reports that libpcap says of the link, which it has no other way to
// say, that it "went down" or "disappeared".
func isDown(err error) bool {
	text := err.Error()
	return strings.Contains(text, "went down") || strings.Contains(text, "disappeared")
}

// LinkType implements Source.
func (l *Live) LinkType() int { return int(l.handle.LinkType()) }

// Drops returns how many frames the kernel dropped because the ring was full,
// and the interface before they reached it.
func (l *Live) Drops() (kernel, iface uint64, err error) {
	l.stats.Lock()
	defer l.stats.Unlock()
	s, err := l.handle.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("read capture statistics: %w", err)
	}
	return uint64(s.PacketsDropped), uint64(s.PacketsIfDropped), nil
}

// Close ends the capture, after the last Next has returned.
func (l *Live) Close() { l.handle.Close() }
