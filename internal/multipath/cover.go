package multipath

import "slices"

// Cover returns a small set of flows that shows every link of the last Describe, ascending. Flow 0
// is always in it, if it was probed. The slice is valid until the next Describe. Each flow of the
// set is the one that shows the most links which those before it do not.
func (d *Describer) Cover() []uint16 {
	d.cover = d.cover[:0]
	var count [MaxFlows]int
	links := int32(0)
	for _, s := range d.steps {
		count[s.flow]++
		links = max(links, s.link+1)
	}
	shown := make([]bool, links)
	choose := func(flow uint16) {
		d.cover = append(d.cover, flow)
		for _, s := range d.steps {
			if s.flow != flow || shown[s.link] {
				continue
			}
			shown[s.link] = true
			for _, o := range d.steps {
				if o.link == s.link {
					count[o.flow]--
				}
			}
		}
	}
	if len(d.all) > 0 {
		for i := range d.all {
			if d.all[i].flow == 0 {
				choose(0)
				break
			}
		}
	}
	for {
		best := 0
		for f := range count {
			if count[f] > count[best] {
				best = f
			}
		}
		if count[best] == 0 {
			break
		}
		choose(uint16(best))
	}
	slices.Sort(d.cover)
	return d.cover
}
