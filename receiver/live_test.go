package receiver

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/lab/netns"
	"github.com/masstrace/masstrace/internal/probe"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPair makes a veth pair in a namespace of the test's own.
func newPair(t testing.TB) (v0, v1 netlink.Link) {
	t.Helper()
	netns.EnterQuiet(t)
	return netns.NewVeth(t)
}

// soon is the longest time until a frame on its way comes, on a busy machine too. idle is the
// time without a frame after which no frame is expected.
const (
	soon = 10 * time.Second
	idle = 200 * time.Millisecond
)

// next returns the next frame, nil if none comes in that time.
func next(t testing.TB, l *Live, wait time.Duration) (frame []byte, stamp int64) {
	t.Helper()
	for end := time.Now().Add(wait); ; {
		frame, stamp, err := l.Next()
		switch {
		case err == nil:
			return frame, stamp
		case !errors.Is(err, ErrIdle):
			t.Fatal(err)
		case time.Now().After(end):
			return nil, 0
		}
	}
}

// Of all frames on a link, those are captured that come in and that the filter
// lets through, with the time at which they did.
func TestLive(t *testing.T) {
	v0, v1 := newPair(t)
	c := newCodec(t, probe.UDP)
	l, err := OpenLive(LiveConfig{Interface: "v0", Filter: c.Filter()})
	must(t, err)
	defer l.Close()
	good := ethernet(errorFrom(quoted(sent(c, asked(true)), 0), nil))
	good6 := ethernet(errorFrom(quoted(sent(c, asked(false)), 0), nil))
	chained := ethernet(ip6(router6, 60, []byte{58, 0, 1, 4, 0, 0, 0, 0}, good6[54:]))
	tcp := ethernet(errorFrom(resum4(with(quoted(sent(c, asked(true)), 0), 9, 6)), nil))
	request := ethernet(ip4(router4, 1, nil, icmp4(8, 0, 0, nil)))
	elsewhere := ethernet(resum4(with(good[14:], 16, 45, 1, 2, 4)))
	netns.Transmit(t, v0, good, 1) // going out
	before := time.Now().UnixNano()
	for _, frame := range [][]byte{tcp, request, elsewhere, good, good6, chained} {
		netns.Transmit(t, v1, frame, 1)
	}
	after := time.Now().UnixNano()
	d := new(decoder)
	must(t, d.init(l.LinkType(), c, new(account.Live)))
	for i, want := range [][]byte{good, good6, chained} {
		frame, stamp := next(t, l, soon)
		if string(frame) != string(want) {
			t.Fatalf("frame %d is\n% x, want\n% x", i, frame, want)
		}
		if stamp < before-ms || stamp > after+ms {
			t.Errorf("frame %d is stamped %d ns before, %d ns after it was sent", i, before-stamp, stamp-after)
		}
		var r probe.Reply
		if !d.isReply(frame, &r) || r.Valid != probe.Strong {
			t.Errorf("frame %d is no reply", i)
		}
	}
	if frame, _ := next(t, l, idle); frame != nil {
		t.Errorf("one more: % x", frame)
	}
	if kernel, _, err := l.Drops(); kernel != 0 || err != nil {
		t.Errorf("Drops = %d, %v", kernel, err)
	}
}

// A capture that pauses has all frames that came meanwhile, and looks for them no more often.
func TestLivePause(t *testing.T) {
	_, v1 := newPair(t)
	const pause, n = 100 * time.Millisecond, 40
	l, err := OpenLive(LiveConfig{Interface: "v0", RingOctets: 1 << 20, Immediate: true, Pause: pause})
	must(t, err)
	defer l.Close()
	if l.Delay() != pause {
		t.Errorf("Delay is %v", l.Delay())
	}
	start, idled, got := time.Now(), 0, 0
	for i := 0; got < n && time.Since(start) < soon; i++ {
		if i < n {
			netns.Transmit(t, v1, padded(ethernet(ip4(router4, 1, nil, nil)), 100+i), 1)
		}
		switch frame, _, err := l.Next(); {
		case err == nil && len(frame) != 100+got:
			t.Fatalf("frame %d has %d octets", got, len(frame))
		case err == nil:
			got++
		case !errors.Is(err, ErrIdle):
			t.Fatal(err)
		default:
			idled++
		}
	}
	for range 3 { // nothing comes
		if _, _, err := l.Next(); !errors.Is(err, ErrIdle) {
			t.Fatalf("Next = %v", err)
		}
		idled++
	}
	if took := time.Since(start); got != n || took < time.Duration(idled-1)*pause {
		t.Errorf("%d frames of %d, idle %d times in %v", got, n, idled, took)
	}
}

// A ring that is full drops, and the kernel counts; asked twice, it does not
// count twice.
func TestLiveDrops(t *testing.T) {
	_, v1 := newPair(t)
	l, err := OpenLive(LiveConfig{Interface: "v0", RingOctets: 1 << 18})
	must(t, err)
	defer l.Close()
	const n = 20_000
	netns.Transmit(t, v1, padded(ethernet(ip4(router4, 1, nil, nil)), 1000), n)
	var got uint64
	for {
		if frame, _ := next(t, l, idle); frame == nil {
			break
		}
		got++
	}
	kernel, _, err := l.Drops()
	again, _, _ := l.Drops()
	if err != nil || kernel == 0 || kernel+got != n || again != kernel {
		t.Errorf("%d frames and %d drops (asked again: %d) of %d; %v", got, kernel, again, n, err)
	}
}

// A link that goes down and comes back is captured again from its first frame. A link that is
// deleted is silent, and does not keep the processor busy.
func TestLiveDown(t *testing.T) {
	v0, v1 := newPair(t)
	l, err := OpenLive(LiveConfig{Interface: "v0"})
	must(t, err)
	defer l.Close()
	stop, asked := make(chan struct{}), make(chan struct{})
	go func() { // the status line
		defer close(asked)
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _ = l.Drops()
				// The pause is part of the test, not a wait for an event.
				time.Sleep(time.Millisecond)
			}
		}
	}()
	frame := ethernet(ip4(router4, 1, nil, nil))
	blocks := func(what string) {
		t.Helper()
		start, n := time.Now(), 0
		for time.Since(start) < 100*time.Millisecond {
			if _, _, err := l.Next(); !errors.Is(err, ErrIdle) {
				t.Fatalf("%s: Next = %v", what, err)
			}
			n++
		}
		if n > 15 {
			t.Errorf("%s: %d times idle in 100 ms", what, n)
		}
	}
	for range 3 {
		must(t, netlink.LinkSetDown(v0))
		blocks("down")
		must(t, netlink.LinkSetUp(v0))
		must(t, netlink.LinkSetUp(v1))
		netns.AwaitCarrier(t, "v1")
		netns.Transmit(t, v1, frame, 1)
		if got, _ := next(t, l, soon); string(got) != string(frame) {
			t.Fatalf("back, and the first frame is % x", got)
		}
	}
	must(t, netlink.LinkDel(v0))
	blocks("deleted")
	blocks("deleted")
	close(stop)
	<-asked
	if _, _, err := l.Drops(); err != nil {
		t.Errorf("Drops of a deleted link: %v", err)
	}
}

// The messages of libpcap's releases for a link that is down.
func TestIsDown(t *testing.T) {
	for text, want := range map[string]bool{
		"The interface went down":                        true,
		"The interface disappeared":                      true,
		"Unexpected error condition on packet socket: 9": false,
	} {
		if got := isDown(errors.New(text)); got != want {
			t.Errorf("isDown(%q) = %t", text, got)
		}
	}
}

// On a tun link the frames are IP packets, under any name that libpcap gives them.
func TestLiveTun(t *testing.T) {
	netns.EnterQuiet(t)
	fd := netns.NewTun(t, unix.IFF_TUN)
	netns.Up(t, "tun0")
	c := newCodec(t, probe.UDP)
	l, err := OpenLive(LiveConfig{Interface: "tun0", Filter: c.Filter()})
	must(t, err)
	defer l.Close()
	d := new(decoder)
	must(t, d.init(l.LinkType(), c, new(account.Live)))
	for _, is4 := range []bool{true, false} {
		packet := errorFrom(quoted(sent(c, asked(is4)), 0), mpls())
		if _, err := unix.Write(fd, packet); err != nil {
			t.Fatal(err)
		}
		frame, _ := next(t, l, soon)
		var r probe.Reply
		if string(frame) != string(packet) || !d.isReply(frame, &r) || r.Probe != asked(is4) {
			t.Errorf("frame % x, reply %+v", frame, r)
		}
	}
}

func TestOpenLiveErrors(t *testing.T) {
	netns.EnterQuiet(t)
	for _, c := range []LiveConfig{{Interface: "none"}, {Interface: "lo", Filter: "no such filter"}} {
		if l, err := OpenLive(c); err == nil {
			l.Close()
			t.Errorf("OpenLive(%+v) succeeded", c)
		}
	}
}
