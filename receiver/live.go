package receiver

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/gopacket/pcap"
)

// The capture handle. Immediate mode would wake this process for every packet, and is used only
// on request. Otherwise the kernel collects packets in blocks, which it retires after blockNS. That
// is below the 10 ms after which Go calls a wait long: see Receiver.readClock.
const (
	blockNS    = int64(8 * time.Millisecond)
	ringOctets = 64 << 20
	snapOctets = 9216 // the largest frame that common links carry
)

// Live is a capture on a link. Next belongs to one goroutine; any goroutine may call Drops
// between opening and Close.
//
// A link that goes down and comes back does not end the capture. The kernel attaches the socket
// again by itself, so that the first frame after that is captured. A link that is deleted leaves
// the capture idle for good.
type Live struct {
	handle *pcap.Handle
	pause  time.Duration // before Next looks again
	delay  time.Duration // see Delay
	dry    bool          // the last Next found no frame
	stats  sync.Mutex    // libpcap adds up the kernel's counts since the last call
}

// LiveConfig is the configuration of a capture.
type LiveConfig struct {
	Interface  string
	Filter     string // pcap-filter(7)
	RingOctets int    // 0 is the default, 64 MiB
	// Immediate returns each frame as it comes, cut to 2048 octets, and ErrIdle after a
	// millisecond without one. It is for few frames that a person waits for.
	Immediate bool
	// Pause is how long Next of an immediate capture sleeps after ErrIdle, before it looks for
	// frames again. That saves wakeups where frames are few and nobody hurries. The ring must
	// have room for the frames that come meanwhile.
	Pause time.Duration
}

// OpenLive opens a capture of the frames that arrive on a link. It needs CAP_NET_RAW.
func OpenLive(c LiveConfig) (*Live, error) {
	inactive, err := pcap.NewInactiveHandle(c.Interface)
	if err != nil {
		return nil, fmt.Errorf("open capture on %s: %w", c.Interface, err)
	}
	defer inactive.CleanUp()
	if c.RingOctets == 0 {
		c.RingOctets = ringOctets
	}
	snap, timeout, delay := snapOctets, time.Duration(blockNS), time.Duration(blockNS)
	if c.Immediate {
		// More than any ICMP error has (RFC 4443 §2.4: the least MTU of IPv6).
		snap, timeout, delay = 2048, time.Millisecond, c.Pause
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
	return &Live{handle: handle, pause: c.Pause, delay: delay}, nil
}

// Next implements Source.
func (l *Live) Next() (frame []byte, stamp int64, err error) {
	if l.dry && l.pause > 0 {
		time.Sleep(l.pause) // libpcap would wait in C, which keeps Go's scheduler awake
	}
	frame, info, err := l.handle.ZeroCopyReadPacketData()
	l.dry = err != nil
	if err != nil {
		return nil, 0, l.failure(err)
	}
	return frame, info.Timestamp.UnixNano(), nil
}

// Delay returns how long a frame may wait until Next returns it, with the others that came meanwhile.
// It is 0 if Next returns each frame as it comes.
func (l *Live) Delay() time.Duration { return l.delay }

// failure returns the error of Next for an error of libpcap.
func (l *Live) failure(err error) error {
	if errors.Is(err, pcap.NextErrorTimeoutExpired) {
		return ErrIdle
	}
	if !errors.Is(err, pcap.NextErrorReadError) {
		return err
	}
	cause := l.handle.Error()
	if !isDown(cause) {
		return cause // libpcap's text is clearer than gopacket's number
	}
	// libpcap does not wait on such a link: without a pause this would be a busy loop.
	time.Sleep(time.Duration(blockNS))
	return ErrIdle
}

// isDown reports whether libpcap's text, its only sign, is that the link "went down" or
// "disappeared".
func isDown(err error) bool {
	text := err.Error()
	return strings.Contains(text, "went down") || strings.Contains(text, "disappeared")
}

// LinkType implements Source.
func (l *Live) LinkType() int { return int(l.handle.LinkType()) }

// Drops returns how many frames the kernel dropped because the ring was full, and how many the
// interface dropped before.
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
