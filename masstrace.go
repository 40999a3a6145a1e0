package masstrace

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// Scan traces every target of c and gives each trace to the sinks, in no order. It returns after
// the wait for the last replies. The summary is nil if an error came before the run began, if a
// stage failed, or if ctx ended. In all other cases there is a summary, also with an
// *IncompleteError.
func Scan(ctx context.Context, c Config, sinks ...Sink) (*Summary, error) {
	cfg, err := c.scan()
	if err != nil {
		return nil, err
	}
	o := &observer{progress: c.Progress, notice: c.Notice}
	cfg.Observer, cfg.Sinks = o, writers(sinks)
	stop, release := until(c.Stop)
	defer release()
	err = scan.Run(ctx, stop, cfg)
	return summaryOf(o.summary), err
}

// until returns a context that ends when stop is closed.
func until(stop <-chan struct{}) (ctx context.Context, release context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if stop != nil {
		go func() {
			select {
			case <-stop:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// Paths is Scan as an iterator. It yields traces as they are assembled. The last value is the error
// of the scan, if there is one. A break out of the loop stops the scan.
func Paths(ctx context.Context, c Config) iter.Seq2[*Path, error] {
	return func(yield func(*Path, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		traces, ended := make(chan *Path), make(chan error, 1)
		go func() {
			_, err := Scan(ctx, c, Func(func(t *Path) error {
				select {
				case traces <- t:
				case <-ctx.Done():
				}
				return nil
			}))
			ended <- err
			close(traces)
		}()
		for t := range traces {
			if !yield(t, nil) {
				cancel()
				<-ended
				return
			}
		}
		if err := <-ended; err != nil {
			yield(nil, err)
		}
	}
}

// TraceConfig is a trace to one host. The zero value of a field is its default.
type TraceConfig struct {
	Host     string        // name or address
	Family   int           // 4 or 6: of the addresses of a name; 0: any
	Method   Method        // UDP
	Port     int           // destination port: 33434, and 80 of TCP
	FirstTTL int           // 1
	MaxTTL   int           // 30; 63 at most
	Attempts int           // at each TTL: 3; 4 at most
	Flows    int           // 1
	Wait     time.Duration // for a reply: 5 s; less if other replies came much sooner

	Interface string     // the route's
	Source    netip.Addr // the interface's
	Notice    func(text string)
}

// Trace traces the path to one host and returns a trace for each flow.
func Trace(ctx context.Context, c TraceConfig) ([]*Path, error) {
	cfg, err := c.program()
	if err != nil {
		return nil, err
	}
	var traces Collect
	cfg.Traces = func(io.Writer) format.Writer { return format.Tee(writers([]Sink{&traces})...) }
	cfg.Observer = &observer{notice: c.Notice}
	_, err = traceroute.Run(ctx, ctx, cfg)
	return traces.Paths, err
}

// program returns the configuration of the program.
func (c *TraceConfig) program() (traceroute.Config, error) {
	scan := Config{
		Method: c.Method, Port: c.Port, MinTTL: c.FirstTTL, MaxTTL: cmp.Or(c.MaxTTL, 30),
		Attempts: cmp.Or(c.Attempts, 3), Flows: c.Flows, Wait: cmp.Or(c.Wait, 5*time.Second),
	}
	p, err := scan.plan()
	if err != nil {
		return traceroute.Config{}, err
	}
	family, ok := map[int]traceroute.Family{0: traceroute.AnyFamily, 4: traceroute.IPv4, 6: traceroute.IPv6}[c.Family]
	if !ok {
		return traceroute.Config{}, &ConfigError{Field: "Family", Err: errors.New("4, 6 or 0 for any")}
	}
	return traceroute.Config{
		Hosts: []string{c.Host}, Family: family, Method: p.Method, FirstTTL: p.MinTTL, MaxTTL: p.MaxTTL,
		Attempts: p.Attempts, Flows: p.Flows, DstPort: p.DstPort, Interface: c.Interface, Source: c.Source, Numeric: true,
		Patience: traceroute.Patience{Max: p.Wait, Here: 3, Near: 10},
	}, nil
}

// ReplayConfig is a replay of captures. Captures of masstrace (scan --pcap) contain the
// parameters of their run. In captures of other programs, replies are matched with the probes
// that they quote.
type ReplayConfig struct {
	Files []string // pcap or pcapng, also compressed
	// Key, 32 hexadecimal digits, authenticates the replies in captures that masstrace made.
	// The default is the file beside the capture.
	Key string
	// Output, Overwrite, ReplyOutput, MetaOutput and Replies are as in Config.
	Output                  string
	Overwrite               bool
	ReplyOutput, MetaOutput string
	Replies                 bool
	Notice                  func(text string)
}

// Replay reads captures and gives their traces to the sinks. It needs no privilege. If a capture is
// cut or corrupt, Replay reads it up to the fault, and returns an *IncompleteError that wraps
// ErrCapture. The summary is that of the last run in the files.
func Replay(ctx context.Context, c ReplayConfig, sinks ...Sink) (*Summary, error) {
	if err := checkOutput(c.Output); err != nil {
		return nil, err
	}
	o := &observer{notice: c.Notice}
	kinds := record.Traces
	if c.Replies {
		kinds = record.Both
	}
	err := replay.Run(ctx, replay.Config{
		Files: c.Files, Key: c.Key, Output: c.Output, ReplyOutput: c.ReplyOutput, MetaOutput: c.MetaOutput, Existing: outfile.ExistingIf(c.Overwrite), Sinks: writers(sinks), Records: kinds, Observer: o, Tool: tool,
	})
	return summaryOf(o.summary), err
}
