package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/listen"
)

// inside is the NATS server in this program.
type inside struct {
	server  *server.Server
	options *server.Options
	own     *server.NkeyUser // the hub itself
	pair    nkeys.KeyPair
}

// errStore means that the stream of the server inside cannot be used.
var errStore = errors.New("the store of the broker is damaged")

// removeStore removes the stream of the server inside: the hub makes its messages from files.
func (b *Broker) removeStore() error { return os.RemoveAll(storeOf(b.cfg.Dir)) }

func storeOf(dir string) string { return filepath.Join(dir, "broker") }

// openInside starts the server. Each message of its stream is synced before it is acknowledged.
func openInside(c Config) (*inside, error) {
	host, port, err := address(c.Listen)
	if err != nil {
		return nil, err
	}
	secure, err := c.Authority.Server()
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
	s := &inside{own: &server.NkeyUser{Nkey: public}, pair: pair}
	s.options = &server.Options{
		ServerName: "masstrace-hub", Host: host, Port: port, DontListen: true, TLSConfig: secure, TLSTimeout: 5,
		JetStream: true, StoreDir: storeOf(c.Dir), SyncAlways: true, JetStreamMaxStore: 2 * mostKept, JetStreamMaxMemory: 16 << 20,
		NoSigs: true, NoLog: true, Nkeys: []*server.NkeyUser{s.own},
	}
	if s.server, err = server.NewServer(s.options.Clone()); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	s.server.Start()
	if !s.server.JetStreamEnabled() {
		s.close()
		return nil, errStore
	}
	if !s.server.ReadyForConnections(startPatience) {
		s.close()
		return nil, errors.New("the broker does not start")
	}
	return s, nil
}

// address splits an address at which nothing listens yet. Port 0 is any free one.
func address(where string) (host string, port int, err error) {
	if where, err = listen.Address(where); err != nil {
		return "", 0, err
	}
	host, text, err := net.SplitHostPort(where)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", where, err)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	// The server itself would try for long.
	l, err := net.Listen("tcp", where)
	if err != nil {
		return "", 0, fmt.Errorf("the broker cannot listen: %w", err)
	}
	return host, int(n), l.Close()
}

// listen lets others connect.
func (s *inside) listen() error {
	s.server.AcceptLoop(make(chan struct{}))
	if s.server.Addr() == nil {
		return fmt.Errorf("the broker cannot listen at %s", net.JoinHostPort(s.options.Host, strconv.Itoa(s.options.Port)))
	}
	return nil
}

// dial connects the hub itself.
func (s *inside) dial() (*nats.Conn, error) {
	c, err := nats.Connect("", nats.InProcessServer(s.server), nats.Nkey(s.own.Nkey, s.pair.Sign), nats.Name("masstrace hub"))
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return c, nil
}

// admit changes the identities that may connect.
func (s *inside) admit(list []creds.Identity) error {
	o := s.options.Clone()
	o.Nkeys = []*server.NkeyUser{s.own}
	for _, id := range list {
		publish, subscribe := allowed(id)
		o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: id.Key, Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
		}})
	}
	return s.server.ReloadOptions(o)
}

func (s *inside) url() string { return "tls://" + s.server.Addr().String() }

func (s *inside) close() {
	if s != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
}
