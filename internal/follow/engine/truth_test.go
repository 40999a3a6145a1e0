package engine_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/follow/simulated"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

func config(t *testing.T, preset string, seed uint64) netsim.Config {
	t.Helper()
	cfg, err := netsim.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Seed = seed
	return cfg
}

func followed(t *testing.T, cfg netsim.Config, seed uint64, d time.Duration) (simulated.Verdict, engine.Counts, []simulated.Found) {
	t.Helper()
	w, err := simulated.NewWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	list := simulated.Targets(rand.New(rand.NewPCG(seed, 7)), 20, 4, 2)
	take, told := simulated.Collect()
	e := engine.New(engine.Config{MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: take}, list, 0)
	w.Follow(e, 100, d)
	moments := w.Moments(list, int64(60*time.Second), int64(d-30*time.Second))
	return w.Judge(moments, told()), e.Counts, told()
}

// Changes are found, and hardly one is false, in networks of every kind.
func TestTruth(t *testing.T) {
	for _, preset := range []string{"default", "clean", "multipath-hostile", "loss", "limited", "perpacket"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, preset, 1)
			cfg.Reroute, cfg.RerouteEvery, cfg.Rerouted = netsim.After(60*time.Second), 3*time.Minute, 0.3
			cfg.Remap, cfg.RemapEvery, cfg.Remapped = netsim.After(60*time.Second), 20*time.Minute, 0.1
			v, n, _ := followed(t, cfg, 1, 10*time.Minute)
			t.Logf("%d changes, %d found, %d told, %d false; %+v", v.True, v.Found, v.Told, v.False, n)
			if v.True < 20 || 10*v.Found < 9*v.True || v.False > 1+v.Told/100 {
				t.Errorf("%d changes, %d found; %d told, %d false", v.True, v.Found, v.Told, v.False)
			}
		})
	}
}

// If nothing changes, nothing is told.
func TestNoChange(t *testing.T) {
	for _, preset := range []string{"default", "multipath-hostile", "perpacket"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			v, n, _ := followed(t, config(t, preset, 2), 2, 5*time.Minute)
			if v.Told > 2 || n.Traced == 0 {
				t.Errorf("%d changes were told: %+v", v.Told, n)
			}
		})
	}
}

// An engine goes on from what another one has saved.
func TestSave(t *testing.T) {
	w, err := simulated.NewWorld(config(t, "clean", 3))
	if err != nil {
		t.Fatal(err)
	}
	list := simulated.Targets(rand.New(rand.NewPCG(3, 3)), 4, 2, 2)
	cfg := engine.Config{MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: func(*record.PathChange) {}}
	e := engine.New(cfg, list, 0)
	w.Follow(e, 100, time.Minute)
	b, err := e.Save(w.Now)
	if err != nil {
		t.Fatal(err)
	}
	again := engine.New(cfg, list, 5)
	if err := again.Load(b); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if x, y := e.Path(i, nil), again.Path(i, nil); !reflect.DeepEqual(x, y) || !x.Traced || len(x.Hops) == 0 {
			t.Errorf("%v: %+v, was %+v", list[i], y, x)
		}
	}
	if again.Counts != e.Counts {
		t.Errorf("counts %+v, were %+v", again.Counts, e.Counts)
	}
	w.Follow(again, 100, 10*time.Second)
	if engine.New(cfg, list[1:], 0).Load(b) == nil {
		t.Error("a state of other targets is taken")
	}
	for n := range 50 {
		_ = engine.New(cfg, list, 0).Load(b[:n*len(b)/50]) // no panic
	}
}
