package talk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/creds"
)

// Bounds of the pause between two tries to reach the hub.
const (
	leastPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// patience is how long an answer is waited for, unless SetPatience has changed it.
const patience = 5 * time.Second

// Conn is a connection to the hub. Any goroutine may use it.
type Conn struct {
	nats     *nats.Conn
	prefix   string // of the subjects of requests
	patience time.Duration
}

// SetPatience changes how long Ask waits for an answer. It is for before the first request.
func (c *Conn) SetPatience(d time.Duration) { c.patience = d }

// Events are what happens to a connection. Fields may be nil; they are called one after another.
type Events struct {
	Up   func()
	Down func(error)
}

// Dial connects to the hub of a credentials file, or to url instead. It tries for ever if forever is
// set, and loses the connection only when Close ends it. A hub that does not know the key ends
// neither: the key may come back.
func Dial(f *creds.File, url string, mode Mode, e Events) (*Conn, error) {
	if url == "" {
		url = f.Hub
	}
	if url == "" {
		return nil, errors.New("the credentials file names no hub: give its URL")
	}
	secure, err := f.Client()
	if err != nil {
		return nil, err
	}
	if f.Cluster {
		if err := creds.CheckURL(url); err != nil {
			return nil, err
		}
	}
	pair, err := nkeys.FromSeed([]byte(f.Seed))
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name("masstrace " + f.Name), nats.Nkey(public, pair.Sign),
		nats.CustomInboxPrefix(Inbox(f.Name)), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.Timeout(patience),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1),
		nats.CustomReconnectDelay(func(n int) time.Duration { return min(leastPause<<min(n, 10), mostPause) }),
		nats.ReconnectHandler(func(*nats.Conn) { e.up() }),
		nats.ConnectHandler(func(*nats.Conn) { e.up() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { e.down(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { e.down(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { e.down(err) }),
	}
	if !f.Cluster || !strings.HasPrefix(url, "nats://") {
		options = append(options, nats.Secure(secure))
	}
	if mode == Forever {
		options = append(options, nats.RetryOnFailedConnect(true))
	}
	nc, err := nats.Connect(url, options...)
	if errors.Is(err, nats.ErrAuthorization) {
		return nil, fmt.Errorf("the hub at %s does not know the key of %s, or has revoked it", url, f.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the hub at %s: %w", url, err)
	}
	prefix := AgentRequests
	if f.Role == creds.Submitter {
		prefix = UserRequests
	}
	return &Conn{nats: nc, prefix: prefix + f.Name + ".", patience: patience}, nil
}

// Mode is how long Dial tries.
type Mode int

// The modes.
const (
	Once Mode = iota
	Forever
)

func (e Events) up() {
	if e.Up != nil {
		e.Up()
	}
}

func (e Events) down(err error) {
	if e.Down != nil && err != nil {
		e.Down(err)
	}
}

// Ask sends a request and reads its answer into reply. A Refusal is an answer of the hub; other
// errors are of the connection.
func (c *Conn) Ask(ctx context.Context, verb string, request any, body []byte, reply any) ([]byte, error) {
	data, err := Encode(request, body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	m, err := c.nats.RequestWithContext(ctx, c.prefix+verb, data)
	if err != nil {
		return nil, fmt.Errorf("ask the hub to %s: %w", verb, err)
	}
	return DecodeReply(m.Data, reply)
}

// Hear calls f for each message to all agents, one after another.
func (c *Conn) Hear(f func(subject string, data []byte)) error {
	_, err := c.nats.Subscribe(ToAll, func(m *nats.Msg) { f(m.Subject, m.Data) })
	return err
}

// Last returns the last message to all agents of a subject that the broker has kept. ok is false if
// it has none, or keeps nothing.
func (c *Conn) Last(ctx context.Context, subject string) (data []byte, ok bool) {
	data, err := c.Ask(ctx, VerbLast, &Last{Subject: subject}, nil, &struct{}{})
	return data, err == nil && len(data) > 0
}

// Close ends the connection.
func (c *Conn) Close() { c.nats.Close() }
