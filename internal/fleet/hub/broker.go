package hub

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/listen"
)

// broker is the NATS server inside the hub, and the hub's own connection to it.
type broker struct {
	server  *server.Server
	options *server.Options
	nats    *nats.Conn
	own     *server.NkeyUser // the hub itself
}

// startPatience is how long the broker may take to begin.
const startPatience = 10 * time.Second

// openBroker starts a broker. Nobody but the hub may connect before admit.
func openBroker(address string, a *creds.Authority) (*broker, error) {
	address, err := listen.Address(address)
	if err != nil {
		return nil, err
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if port == 0 {
		port = ^uint64(0) // any free one
	}
	secure, err := a.Server()
	if err != nil {
		return nil, err
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	b := &broker{own: &server.NkeyUser{Nkey: public}}
	b.options = &server.Options{
		ServerName: "masstrace-hub", Host: host, Port: int(port), TLSConfig: secure, TLSTimeout: 5,
		NoSigs: true, NoLog: true, Nkeys: []*server.NkeyUser{b.own},
	}
	if b.server, err = server.NewServer(b.options.Clone()); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	b.server.Start()
	if !b.server.ReadyForConnections(startPatience) {
		b.close()
		return nil, fmt.Errorf("the broker cannot listen at %s: is the port in use?", address)
	}
	b.nats, err = nats.Connect("", nats.InProcessServer(b.server), nats.Nkey(public, pair.Sign), nats.Name("masstrace hub"))
	if err != nil {
		b.close()
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return b, nil
}

// admit lets the identities of a list connect, and closes the connections of all others.
func (b *broker) admit(list []creds.Identity) error {
	o := b.options.Clone()
	o.Nkeys = []*server.NkeyUser{b.own}
	for _, id := range list {
		o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: id.Key, Permissions: permissions(id)})
	}
	return b.server.ReloadOptions(o)
}

// permissions returns what an identity may send and hear: requests in its own name, the answers to
// them, and messages to all.
func permissions(id creds.Identity) *server.Permissions {
	requests := talk.AgentRequests
	if id.Role == creds.Submitter {
		requests = talk.UserRequests
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{requests + id.Name + ".*"}},
		Subscribe: &server.SubjectPermission{Allow: []string{talk.Inbox(id.Name) + ".>", talk.ToAll}},
	}
}

// workers is how many requests are answered at a time.
const workers = 16

// serve answers the requests of a role.
func (b *broker) serve(prefix string, f func(name, verb string, data []byte) []byte) error {
	room := make(chan struct{}, workers)
	_, err := b.nats.Subscribe(prefix+"*.*", func(m *nats.Msg) {
		name, verb, _ := strings.Cut(strings.TrimPrefix(m.Subject, prefix), ".")
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
	return err
}

// send sends a message to all agents.
func (b *broker) send(subject string, data []byte) error { return b.nats.Publish(subject, data) }

func (b *broker) url() string { return "tls://" + b.server.Addr().String() }

// messages returns how many messages and bytes have come in.
func (b *broker) messages() (count, octets int64) {
	v, err := b.server.Varz(nil)
	if err != nil {
		return 0, 0
	}
	return v.InMsgs, v.InBytes
}

func (b *broker) close() {
	if b == nil {
		return
	}
	if b.nats != nil {
		b.nats.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
