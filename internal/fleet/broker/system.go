package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// system asks the servers of a cluster to reload their configuration, and so the names of the hub. A
// server closes the connections of names that are gone.
type system struct {
	nats  *nats.Conn
	names chan struct{} // has a value if the names have changed
	event func(text string)
	stop  context.CancelFunc
	done  chan struct{}
}

// Subjects of the system account. A server answers to the first with its number.
const (
	pingServers  = "$SYS.REQ.SERVER.PING.IDZ"
	reloadServer = "$SYS.REQ.SERVER.%s.RELOAD"
)

// Patience with the system account, also with its first answer. All servers have answered when no other
// does for quietTime.
const (
	quietTime      = 2 * time.Second
	reloadPatience = 10 * time.Second
	reloadPause    = 5 * time.Second
	mostServers    = 1024 // answers that wait
)

// openSystem connects as the user of the system account.
func openSystem(c Config) (*system, error) {
	proof, err := readProof(c.Cluster.System)
	if err != nil {
		return nil, err
	}
	secure, err := c.Cluster.secure()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(c.Cluster.URL, append(secure, proof, nats.Name("masstrace hub, names"),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.Timeout(startPatience))...)
	if err != nil {
		return nil, fmt.Errorf("connect to the system account of the cluster at %s: %w", c.Cluster.URL, err)
	}
	return newSystem(nc, c.Event), nil
}

func newSystem(nc *nats.Conn, event func(text string)) *system {
	ctx, stop := context.WithCancel(context.Background())
	s := &system{nats: nc, names: make(chan struct{}, 1), event: event, stop: stop, done: make(chan struct{})}
	go s.run(ctx)
	return s
}

// changed asks for a reload of all servers. It does not wait.
func (s *system) changed() {
	select {
	case s.names <- struct{}{}:
	default:
	}
}

func (s *system) close() {
	if s != nil {
		s.stop()
		<-s.done
		s.nats.Close()
	}
}

// run reloads all servers after each change, and tries again until it succeeds.
func (s *system) run(ctx context.Context) {
	defer close(s.done)
	told := ""
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.names:
		case <-again:
		}
		n, err := s.reload(ctx)
		again = nil
		switch {
		case ctx.Err() != nil:
			return
		case err == errAgain: // without a wait
		case err != nil:
			again = time.After(reloadPause)
			if told != err.Error() {
				s.event("the cluster may still have the names of before: " + err.Error())
			}
			told = err.Error()
		default:
			s.event(fmt.Sprintf("servers of the cluster that have the new names: %d", n))
			told = ""
		}
	}
}

// reload reloads all servers, and returns how many. One that fails does not keep the others from it. It
// ends early when the names change again.
func (s *system) reload(ctx context.Context) (n int, err error) {
	inbox, answers := nats.NewInbox(), make(chan *nats.Msg, mostServers)
	sub, err := s.nats.ChanSubscribe(inbox, answers)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.nats.PublishRequest(pingServers, inbox, nil); err != nil {
		return 0, err
	}
	var errs []error
	timer := time.NewTimer(reloadPatience)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-s.names:
			s.changed()
			return n, errAgain
		case <-timer.C:
			if n == 0 && len(errs) == 0 {
				return 0, errNobody
			}
			return n, errors.Join(errs...)
		case m := <-answers:
			var server struct{ ID, Name string }
			if m.Header.Get("Status") == "503" {
				return 0, errNobody
			}
			if json.Unmarshal(m.Data, &server) != nil || server.ID == "" {
				continue // something else answers
			}
			if err := s.reloadOne(ctx, server.ID); err != nil {
				errs = append(errs, fmt.Errorf("server %s: %w", server.Name, err))
			} else {
				n++
			}
			timer.Reset(quietTime)
		}
	}
}

// Errors of reload.
var (
	errNobody = errors.New("no server answers to the user of the system account")
	errAgain  = errors.New("the names have changed again")
)

// reloadOne reloads the server of a number.
func (s *system) reloadOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, reloadPatience)
	defer cancel()
	m, err := s.nats.RequestWithContext(ctx, fmt.Sprintf(reloadServer, id), nil)
	if err != nil {
		return fmt.Errorf("reload its configuration: %w", err)
	}
	var reply struct {
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return fmt.Errorf("reload its configuration: %w", err)
	}
	if reply.Error != nil {
		return errors.New("reload its configuration: " + reply.Error.Description)
	}
	return nil
}
