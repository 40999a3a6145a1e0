// Package broker connects a hub to NATS: to a server inside the program, or to an existing cluster.
//
// The broker carries requests, and keeps in a JetStream stream the last message of each subject to
// all agents. Nothing in the stream is the only copy: the hub makes all of it from its files, so a
// stream that is lost, old or empty loses nothing.
package broker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// Config describes a broker.
type Config struct {
	// Dir is the folder of the hub. The server inside has its stream in Dir/broker.
	Dir string
	// Listen is the address and port of the server inside.
	Listen    string
	Authority *creds.Authority
	// Cluster is an existing one, nil for the server inside.
	Cluster *Cluster
	// Up is called when the connection is there again. Event receives what a person should see. Any
	// goroutine calls them.
	Up    func()
	Event func(text string)
}

// Broker is a connection to NATS. Any goroutine may use it.
type Broker struct {
	cfg     Config
	inside  *inside // nil with a cluster
	system  *system // nil without its credentials
	nats    *nats.Conn
	js      nats.JetStreamContext
	foreign foreign
}

// Open connects to a broker. Nobody but the hub reaches the server inside before Listen.
func Open(c Config) (*Broker, error) {
	b := &Broker{cfg: c, foreign: foreign{names: map[string]bool{}}}
	err := b.open()
	if errors.Is(err, errStore) {
		c.Event("the stream of the broker is damaged, and is made anew")
		b.Close()
		if err = b.removeStore(); err == nil {
			err = b.open()
		}
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// open connects, and makes the stream.
func (b *Broker) open() (err error) {
	if b.cfg.Cluster != nil {
		b.nats, err = b.openCluster()
	} else if b.inside, err = openInside(b.cfg); err == nil {
		b.nats, err = b.inside.dial()
	}
	if err != nil {
		return err
	}
	if b.js, err = b.nats.JetStream(nats.MaxWait(streamPatience)); err != nil {
		return err
	}
	if err := b.ensure(); err != nil {
		if b.inside != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
		return fmt.Errorf("make the stream %s on the cluster, which needs JetStream: %w", talk.Stream, err)
	}
	return nil
}

// Admit lets the identities of a list connect, and closes the connections of all others. The servers of
// a cluster do both when they reload their configuration.
func (b *Broker) Admit(list []creds.Identity) error {
	if b.inside != nil {
		return b.inside.admit(list)
	}
	return b.admitToCluster(list)
}

// workers is how many requests are answered at a time.
const workers = 16

// Serve answers the requests of a role. The answer goes to the inbox of the name that asked, and
// nowhere else: the hub may write to more subjects than this name. Other requests are counted, and
// have no effect.
func (b *Broker) Serve(prefix string, f func(name, verb string, data []byte) []byte) error {
	room := make(chan struct{}, workers)
	_, err := b.nats.Subscribe(prefix+"*.*", func(m *nats.Msg) {
		name, verb, _ := strings.Cut(strings.TrimPrefix(m.Subject, prefix), ".")
		if !talk.IsInboxOf(name, m.Reply) {
			b.ignore(name)
			return
		}
		if verb == talk.VerbCommit { // it may wait for a store, and has a bound of its own
			go func() { _ = m.Respond(f(name, verb, m.Data)) }()
			return
		}
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			// An answer that is lost is asked for again.
			_ = m.Respond(f(name, verb, m.Data))
		}()
	})
	if err != nil {
		return err
	}
	return b.nats.FlushTimeout(startPatience)
}

// Listen opens the port of the server inside. Names that it does not admit yet would be refused as if
// they were revoked, so it comes after Admit and Serve.
func (b *Broker) Listen() error {
	if b.inside == nil {
		return nil
	}
	return b.inside.listen()
}

// URL returns the URL at which agents reach the broker.
func (b *Broker) URL() string {
	if b.inside != nil {
		return b.inside.url()
	}
	return b.cfg.Cluster.URL
}

// Messages returns how many messages and bytes the server inside, or the hub from a cluster, has
// taken in.
func (b *Broker) Messages() (count, octets int64) {
	if b.inside == nil {
		s := b.nats.Stats()
		return int64(s.InMsgs), int64(s.InBytes)
	}
	v, err := b.inside.server.Varz(nil)
	if err != nil {
		return 0, 0
	}
	return v.InMsgs, v.InBytes
}

// Version returns the version of NATS inside the program.
func Version() string { return server.VERSION }

// Close ends the connections, and the server inside. It may be called again. Calls of others that are under
// way fail.
func (b *Broker) Close() {
	if b == nil {
		return
	}
	if b.nats != nil {
		b.nats.Close()
	}
	b.inside.close()
	b.system.close()
}

// Patience with the broker.
const (
	startPatience  = 10 * time.Second
	streamPatience = 5 * time.Second
)
