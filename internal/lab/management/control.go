package management

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Request is a command to a running lab, a line of JSON on its control socket. The reply is a line
// with an object that has an error, or nothing.
type Request struct {
	Do    string        `json:"do"` // cut, delay or restore
	Name  string        `json:"name"`
	Delay time.Duration `json:"delay_ns,omitempty"`
}

// The commands.
const (
	Cut     = "cut"
	Delay   = "delay"
	Restore = "restore"
)

type reply struct {
	Error string `json:"error,omitempty"`
}

// The addresses of the control socket. The abstract one exists in the hub's namespace, and ends
// with it. The other is a file in the state folder of a lab that has one.
const (
	abstract   = "@masstrace-lab"
	socketName = "control"
)

// patience limits a request: the lab answers at once.
const patience = 10 * time.Second

// ErrNoLab is wrapped by errors about a lab that is not there.
var ErrNoLab = errors.New("no lab with vantage points")

// socketOf returns the address of the control socket of a lab with a state folder, or of that
// around the calling thread's namespace, "".
func socketOf(state string) string {
	if state == "" {
		return abstract
	}
	return filepath.Join(state, socketName)
}

// Serve takes commands as long as the process lives, in the calling thread's namespace. With a
// state folder, it also takes them there. The file of a lab that has ended is replaced. [Clean]
// removes it.
func (n *Network) Serve(state string) error {
	if err := n.listen(abstract); err != nil || state == "" {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	path := socketOf(state)
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return fmt.Errorf("state folder %s is that of a running lab", state)
	}
	if err := Clean(state); err != nil {
		return err
	}
	if err := n.listen(path); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

// Clean removes the control socket of a lab that has ended. Its state folder stays.
func Clean(state string) error {
	path := socketOf(state)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("remove control socket: %w", err)
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("remove control socket: %s is another file", path)
	}
	return os.Remove(path)
}

func (n *Network) listen(address string) error {
	l, err := net.Listen("unix", address)
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.answer(c)
		}
	}()
	return nil
}

// mostRequest bounds the length of a request, in octets.
const mostRequest = 4096

// answer carries out the request of a client.
func (n *Network) answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	var r Request
	err := json.NewDecoder(io.LimitReader(c, mostRequest)).Decode(&r)
	if err == nil {
		err = n.do(&r)
	}
	var answer reply
	if err != nil {
		answer.Error = err.Error()
	}
	_ = json.NewEncoder(c).Encode(answer) // a client that has gone needs no answer
}

func (n *Network) do(r *Request) error {
	switch {
	case r.Do == Cut:
		return n.Cut(r.Name)
	case r.Do == Restore:
		return n.Restore(r.Name)
	case r.Do == Delay && r.Delay >= 0:
		return n.Delay(r.Name, r.Delay)
	}
	return fmt.Errorf("no command is called %q", r.Do)
}

// Send sends a command to the running lab with a state folder. If state is empty, it is the lab
// whose hub is in the calling thread's namespace. The error is that of the lab.
func Send(state string, r Request) error {
	c, err := net.DialTimeout("unix", socketOf(state), patience)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: %w", ErrNoLab, err)
	case err != nil:
		return fmt.Errorf("speak to the lab: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	var answer reply
	if err = json.NewEncoder(c).Encode(r); err == nil {
		err = json.NewDecoder(c).Decode(&answer)
	}
	switch {
	case err != nil:
		return fmt.Errorf("speak to the lab: %w", err)
	case answer.Error != "":
		return errors.New(answer.Error)
	}
	return nil
}
