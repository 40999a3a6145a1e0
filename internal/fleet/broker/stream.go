package broker

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// mostKept bounds the stream, in bytes.
const mostKept = 64 << 20

// Mend makes the stream anew if it was removed, and reports whether it did. Its messages are
// then gone: the hub sends them again. A broker that is away is no error of Mend.
func (b *Broker) Mend() (made bool, err error) {
	if _, err := b.js.StreamInfo(talk.Stream); !errors.Is(err, nats.ErrStreamNotFound) {
		return false, nil
	}
	if err := b.ensure(); err != nil {
		return false, fmt.Errorf("the stream %s was removed, and cannot be made anew: %w", talk.Stream, err)
	}
	b.cfg.Event("the stream " + talk.Stream + " was removed from the broker, and is made anew")
	return true, nil
}

// ensure makes the stream, unless it is there.
func (b *Broker) ensure() error {
	want := &nats.StreamConfig{
		Name: talk.Stream, Description: "the last message of the hub of a masstrace fleet to all agents, by subject",
		Subjects: talk.Kept(), Storage: nats.FileStorage, MaxMsgsPerSubject: 1, MaxBytes: mostKept,
		Discard: nats.DiscardOld, AllowDirect: true,
	}
	_, err := b.js.StreamInfo(talk.Stream)
	if errors.Is(err, nats.ErrStreamNotFound) {
		_, err = b.js.AddStream(want)
		return err
	}
	if err == nil {
		_, err = b.js.UpdateStream(want)
	}
	return err
}

// Last returns the last message of a subject that the stream has kept. It is not an error if there is
// none.
func (b *Broker) Last(subject string) ([]byte, error) {
	m, err := b.js.GetLastMsg(talk.Stream, subject, nats.DirectGet())
	if errors.Is(err, nats.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Keep sends a message to all agents, and keeps it for those that connect later. After an error the
// agents that are connected have it all the same.
func (b *Broker) Keep(subject string, data []byte) error {
	_, err := b.js.Publish(subject, data)
	if err == nil {
		return nil
	}
	if again := b.ensure(); again != nil { // the stream may have been removed
		return fmt.Errorf("the broker does not keep %s: %w", subject, err)
	}
	_, err = b.js.Publish(subject, data)
	return err
}
