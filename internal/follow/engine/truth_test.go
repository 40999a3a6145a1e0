package engine_test

import (
	"fmt"
	"math/rand/v2"
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

func follow(t *testing.T, cfg netsim.Config, seed uint64, d time.Duration) (simulated.Verdict, engine.Counts, []simulated.Found) {
	t.Helper()
	w, err := simulated.NewWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	list := simulated.Targets(rand.New(rand.NewPCG(seed, 7)), 40, 6, 2)
	take, told := simulated.Collect()
	e := engine.New(engine.Config{MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: func(c *record.PathChange) {
		if testing.Verbose() && testing.Short() {
			fmt.Printf("%+v\n", c)
		}
		take(c)
	}}, list, 0)
	w.Follow(e, 200, d)
	moments := w.Moments(list, int64(60*time.Second), int64(d-30*time.Second))
	return w.Judge(moments, told()), e.Counts, told()
}

func TestTruth(t *testing.T) {
	for _, preset := range []string{"default", "clean", "multipath-hostile", "loss", "limited"} {
		t.Run(preset, func(t *testing.T) {
			cfg := config(t, preset, 1)
			cfg.Reroute, cfg.RerouteEvery, cfg.Rerouted = netsim.After(60*time.Second), 5*time.Minute, 0.3
			cfg.Remap, cfg.RemapEvery, cfg.Remapped = netsim.After(60*time.Second), 20*time.Minute, 0.1
			v, n, told := follow(t, cfg, 1, 20*time.Minute)
			kinds := map[record.ChangeKind]int{}
			for _, f := range told {
				kinds[f.Kind]++
			}
			median := time.Duration(0)
			if len(v.Delays) > 0 {
				median = v.Delays[len(v.Delays)/2]
			}
			t.Logf("true %d told %d false %d found %d missed %d median %v kinds %v", v.True, v.Told, v.False, v.Found, v.Missed, median, kinds)
			t.Logf("%+v", n)
		})
	}
}
