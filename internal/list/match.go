package list

import (
	"errors"

	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
)

// Replies implements receiver.Sink. The capture gets frames and probes in the order in
// which they are matched and remembered: under the same lock.
func (l *list) Replies(batch []probe.Reply, upTo int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if tap := l.capture.Received(); tap != nil {
		tap.Flush()
	}
	for i := range batch {
		l.check(l.gather.Reply(&batch[i]))
	}
	l.upTo = upTo
	if len(batch) > 0 {
		l.check(l.writer.HandOver()) // the program that writes the list may wait for them
	}
	swept, err := l.gather.Sweep(l.time.Now())
	if swept {
		err = errors.Join(err, l.writer.Flush())
	}
	l.check(err)
}

// laterTap is a tap that Replies flushes.
type laterTap struct{ *pcapng.Tap }

// Flush implements receiver.Tap.
func (laterTap) Flush() {}

// check keeps the first error of the writer.
func (l *list) check(err error) {
	if err != nil && l.writeErr == nil {
		l.writeErr = err
		l.supervisor.Stop(run.ErrOutput)
	}
}
