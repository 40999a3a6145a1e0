package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

func TestMain(m *testing.M) {
	os.Exit(lab.Main(m, lab.Setup{Name: network, Build: build}))
}

// gopacket decodes the replies as an independent witness.
func TestReplies(t *testing.T) {
	frames, err := replies(net.HardwareAddr{2, 0, 0, 0, 0, 9})
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != answers {
		t.Errorf("%d frames, want %d", len(frames), answers)
	}
	for _, f := range frames[:100] {
		p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
		icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		if !ok || p.ErrorLayer() != nil {
			t.Fatalf("% x: %v", f, p.ErrorLayer())
		}
		if icmp.TypeCode.Type() != layers.ICMPv4TypeTimeExceeded {
			t.Fatalf("%v", icmp.TypeCode)
		}
	}
}

// taken counts replies.
type taken struct{ strong int }

func (s *taken) Replies(batch []probe.Reply, _ int64) {
	for i := range batch {
		if batch[i].Valid == probe.Strong {
			s.strong++
		}
	}
}

// still is a clock that is never stepped.
type still struct{}

func (still) Shift() (shift, now int64) { return 0, time.Now().UnixNano() }

// The receiver returns every frame that the source makes.
func TestSource(t *testing.T) {
	lab.Need(t, network)
	link, err := net.InterfaceByName(near)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := replies(link.HardwareAddr)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSource(link.Index, frames)
	if errors.Is(err, unix.EPERM) || errors.Is(err, ebpf.ErrNotSupported) {
		t.Skipf("needs BPF: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	live, err := receiver.OpenLive(receiver.LiveConfig{Interface: near, Filter: "icmp"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := scanCodec()
	if err != nil {
		t.Fatal(err)
	}
	r, err := receiver.New(live, c, still{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var sink taken
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, &sink) }()
	made, took, err := s.run(20_000, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	drops, _, err := live.Drops()
	live.Close()
	if err != nil || uint64(sink.strong)+drops != made || made < 1000 {
		t.Errorf("%d made in %v, %d taken, %d dropped, %v", made, took, sink.strong, drops, err)
	}
}

func TestOutcome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var o outcome
	write(`{"type":"trace"}` + "\n" +
		`{"type":"summary","sent":7,"frames":5,"rejected":{"tag":0,"unsent":2},"drops":{"kernel":1,"interface":2}}` + "\n{}\n")
	if err := o.read(path); err != nil || o.Sent != 7 || o.Taken != 5 || o.Drops != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"", "{}\n", `{"type":"summary","rejected":{"tag":1}}` + "\n"} {
		write(bad)
		if o.read(path) == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestTable(t *testing.T) {
	all := map[int][]outcome{
		0:    {{Seconds: 1, Sent: 100, CPU: 1e-5}},
		1000: {{Made: 1000, Taken: 990, Drops: 10, Seconds: 1, Sent: 100, CPU: 1.1e-4}},
	}
	got := table([]int{0, 1000}, all, 100)
	if want := "|           1,000 |  1,000 |   10 |         10 |           100 |          100 |"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}
