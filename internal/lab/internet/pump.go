package internet

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/netsim"
)

// port is the simulator's end of the link. It belongs to the pump's goroutine.
type port interface {
	// receive hands what has come, but at most a batch, to handle, with its
	// time in ns since the Unix epoch, and returns how many packets it were.
	receive(handle func(now int64, packet []byte)) int
	// send takes an IP packet; flush sees that all taken are on their way.
	send(packet []byte)
	flush()
	// wait returns when something has come, or after that many ns.
	wait(ns int64)
	// drops returns the packets lost on the way in, and on the way out.
	drops() (in, out uint64)
	close()
}

// Times in ns.
const (
	napTime  = 50e3 // how long packets may gather while there is traffic
	busyTime = 2e6  // how long after a packet there still is
	idleTime = 20e6 // the longest wait, after which the end is looked for
)

// priority is the nice value of the pump.
const priority = -15

// queueLimit is how many replies may be under way: two seconds of 300,000 a
// second.
const queueLimit = 600_000

// pump moves packets between a port and the simulator.
type pump struct {
	sim   *netsim.Sim
	port  port
	log   *netsim.LogWriter // nil for none
	queue *netsim.Queue
	emits func(due int64, packet []byte)
	now   int64

	gateway4 [4]byte
	gateway6 [16]byte

	over atomic.Bool
	done chan struct{}

	lostIn, lostOut uint64 // by the link, once ended
}

func newPump(sim *netsim.Sim, p port, log *netsim.LogWriter) *pump {
	pump := &pump{sim: sim, port: p, log: log, queue: netsim.NewQueue(queueLimit), done: make(chan struct{})}
	pump.emits = pump.emit
	_, gateway := addresses()
	pump.gateway4, pump.gateway6 = gateway[0].Addr().As4(), gateway[1].Addr().As16()
	return pump
}

// run pumps until end is called.
func (p *pump) run() {
	runtime.LockOSThread() // ends with its goroutine: its priority is not for others
	defer close(p.done)
	// The Internet has processors of its own. Who may not have this does without.
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), priority)
	handle, leave := p.handle, p.port.send // bound once: a method value costs an allocation
	var last int64                         // when a packet was last seen
	for !p.over.Load() {
		n := p.port.receive(handle)
		now := time.Now().UnixNano()
		n += p.queue.PopDue(now, leave)
		p.port.flush()
		if n > 0 {
			last = now
			continue
		}
		pause := int64(idleTime)
		if due, ok := p.queue.NextDue(); ok {
			pause = min(pause, max(due-now, 0))
		}
		if now-last < busyTime {
			nap(min(pause, napTime))
			continue
		}
		p.port.wait(pause)
	}
}

// handle has the simulator judge a packet.
func (p *pump) handle(now int64, packet []byte) {
	if p.forGateway(packet) {
		return
	}
	p.now = max(p.now, now)
	r := p.sim.Handle(p.now, packet, p.emits)
	if p.log != nil {
		p.log.Write(r)
	}
}

// forGateway reports whether a packet means the gateway itself, which is part of
// the link and not of the Internet: what made the kernel look for its address.
func (p *pump) forGateway(packet []byte) bool {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return [4]byte(packet[16:]) == p.gateway4
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return [16]byte(packet[24:]) == p.gateway6
	}
	return false
}

// emit takes what the simulator answers.
func (p *pump) emit(due int64, packet []byte) {
	if due <= p.now {
		p.port.send(packet)
		return
	}
	p.queue.Push(due, packet)
}

// end stops the pump and waits for it.
func (p *pump) end() {
	p.over.Store(true)
	<-p.done
	p.lostIn, p.lostOut = p.port.drops()
	p.port.close()
}
