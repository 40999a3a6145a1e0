package broker

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// dialTest connects to a server that runs as long as the test.
func dialTest(t *testing.T) (one, two *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	dial := func() *nats.Conn {
		nc, err := nats.Connect(s.ClientURL(), nats.Timeout(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	return dial(), dial()
}

// serversOf answers as two servers of the system account. The first reload of the first one fails.
func serversOf(t *testing.T, nc *nats.Conn) (reloads [2]*atomic.Int64) {
	t.Helper()
	answer := func(subject string, texts func() []string) {
		_, err := nc.Subscribe(subject, func(m *nats.Msg) {
			for _, text := range texts() {
				if err := m.Respond([]byte(text)); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answer(pingServers, func() []string {
		return []string{`{"name":"bad","host":"0.0.0.0","id":"ID0"}`, `{"name":"good","host":"0.0.0.0","id":"ID1"}`}
	})
	for i := range reloads {
		reloads[i] = new(atomic.Int64)
		answer(fmt.Sprintf(reloadServer, fmt.Sprint("ID", i)), func() []string {
			if reloads[i].Add(1) == 1 && i == 0 {
				return []string{`{"server":{},"error":{"code":500,"description":"wrong configuration"}}`}
			}
			return []string{`{"server":{}}`}
		})
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return reloads
}

// A server that fails does not keep the others from their reload, and is tried again. The owner of the
// hub reads both.
func TestSystemReloads(t *testing.T) {
	own, others := dialTest(t)
	reloads := serversOf(t, others)
	events := make(chan string, 16)
	s := newSystem(own, func(text string) { events <- text })
	s.changed()
	if text := <-events; !strings.Contains(text, "server bad: reload its configuration: wrong configuration") {
		t.Errorf("the owner reads %q", text)
	}
	if reloads[0].Load() != 1 || reloads[1].Load() != 1 {
		t.Errorf("%d and %d reloads, want one of each", reloads[0].Load(), reloads[1].Load())
	}
	s.changed() // does not wait for the next try
	if text := <-events; !strings.HasSuffix(text, "new names: 2") {
		t.Errorf("the owner reads %q", text)
	}
	if reloads[0].Load() != 2 || reloads[1].Load() != 2 {
		t.Errorf("%d and %d reloads, want two of each", reloads[0].Load(), reloads[1].Load())
	}
	s.close()
	if !own.IsClosed() {
		t.Error("the connection is open")
	}
}

// A user that is not of the system account reaches no server.
func TestSystemNobody(t *testing.T) {
	own, _ := dialTest(t)
	s := newSystem(own, func(string) {})
	defer s.close()
	if n, err := s.reload(context.Background()); n != 0 || err == nil || !strings.Contains(err.Error(), "no server answers") {
		t.Errorf("%d servers, %v", n, err)
	}
}
