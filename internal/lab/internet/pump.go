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
	// receive passes the packets that have arrived, at most a batch, to handle, with their time
	// in ns since the Unix epoch. It returns how many there were.
	receive(handle func(now int64, packet []byte)) int
	// send adds an IP packet to a batch; flush sends the batch.
	send(packet []byte)
	flush()
	// wait returns when a packet has arrived, or after that many ns.
	wait(ns int64)
	// drops returns the packets lost on the way in, and on the way out.
	drops() (in, out uint64)
	close()
}

// Times in ns.
const (
	napTime  = 50e3 // how long packets may collect while there is traffic
	busyTime = 2e6  // how long after a packet there counts as traffic
	idleTime = 20e6 // longest wait; then the pump checks whether to end
)

// priority is the nice value of the pump.
const priority = -15

// queueLimit is how many replies may be in flight: two seconds at 300,000 a second.
const queueLimit = 600_000

// pump moves packets between a port and the simulator.
type pump struct {
	sim   *netsim.Sim
	port  port
	log   *netsim.LogWriter // nil if there is no log
	queue *netsim.Queue
	emits func(due int64, packet []byte)
	now   int64

	gateway4 [4]byte
	gateway6 [16]byte

	over atomic.Bool
	done chan struct{}

	lostIn, lostOut uint64 // packets that the link lost; valid after the end
}

func newPump(sim *netsim.Sim, p port, log *netsim.LogWriter) *pump {
	pump := &pump{sim: sim, port: p, log: log, queue: netsim.NewQueue(queueLimit), done: make(chan struct{})}
	pump.emits = pump.emit
	_, gateway := addresses(0)
	pump.gateway4, pump.gateway6 = gateway[0].Addr().As4(), gateway[1].Addr().As16()
	return pump
}

// run pumps until end is called.
func (p *pump) run() {
	runtime.LockOSThread() // its thread ends with it: the priority is special
	defer close(p.done)
	// A real Internet has processors of its own. Without permission, the pump runs without.
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), priority)
	handle, leave := p.handle, p.port.send // bound once: a method value costs an allocation
	var last int64                         // time of the last packet
	for !p.over.Load() {
		n := p.port.receive(handle)
		now := time.Now().UnixNano()
		p.now = max(p.now, now)
		attacked := p.sim.Tick(p.now, p.emits)
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
		if now-last < busyTime || attacked {
			nap(min(pause, napTime))
			continue
		}
		p.port.wait(pause)
	}
}

// handle passes a packet to the simulator.
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

// forGateway reports whether a packet is addressed to the gateway itself, which is part of the link
// and not of the Internet. Such a packet makes the kernel resolve the gateway's address.
func (p *pump) forGateway(packet []byte) bool {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return [4]byte(packet[16:]) == p.gateway4
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return [16]byte(packet[24:]) == p.gateway6
	}
	return false
}

// emit sends or queues an answer of the simulator.
func (p *pump) emit(due int64, packet []byte) {
	if due <= p.now {
		p.port.send(packet)
		return
	}
	p.queue.Push(due, packet)
}

// end stops the pump and waits for it. Probes that it had no time for reach the simulator, so that
// the log has them. Nothing receives answers any more.
func (p *pump) end() {
	p.over.Store(true)
	<-p.done
	p.emits = func(int64, []byte) {}
	for p.port.receive(p.handle) > 0 {
	}
	p.lostIn, p.lostOut = p.port.drops()
	p.port.close()
}
