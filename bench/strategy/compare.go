package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/masstrace/masstrace/internal/tabular"
)

// comparePaths compares the ways to find all paths on the default network, over all networks and by
// network.
func (c *config) comparePaths() (string, error) {
	if c.pathTargets == 0 {
		return "", nil
	}
	tools := []*tool{pathScan(), pathScan("--no-borrow"), pathScan("--mda=full")}
	if c.scamper != "" && c.tracelbSeeds > 0 {
		t := c.tracelb()
		t.seeds = c.tracelbSeeds
		tools = append(tools, t)
	}
	byTool := make([][]*paths, len(tools)) // and by network; nil where a tool did not run
	for i, t := range tools {
		for seed := 1; seed <= c.pathSeeds && (t.seeds == 0 || seed <= t.seeds); seed++ {
			p, err := c.tryPaths(t, c.pathTargets, pathRate, seed, "--preset=default")
			if crashed := new(exec.ExitError); t.seeds > 0 && errors.As(err, &crashed) {
				fmt.Fprintf(os.Stderr, "network %d: %v\n", seed, err)
				p, err = nil, nil
			}
			if err != nil {
				return "", err
			}
			byTool[i] = append(byTool[i], p)
		}
	}
	return fmt.Sprintf("%d dense targets, default network, %d probes per second requested (scamper: at most %d), means over %d network(s), "+
		"tracelb over those of the second table; false nodes and links are sums. Addresses and pairs of adjacent ones are shares of all different ones "+
		"that answer, over all flows to all targets. Nodes and links are those of each target on its own: near routers that limit their answers miss "+
		"for most. Complete balancers are those with equal shares that were not borrowed: the share that was found as a whole, and the mean confidence "+
		"claimed. Probes are those for each target with a record: tracelb leaves some out.\n\n%s\nBy network, with the share of tracelb's probes:\n\n%s",
		c.pathTargets, pathRate, mostRate, c.pathSeeds, pathMeans(tools, byTool), pathsByNetwork(tools, byTool)), nil
}

// pathMeans returns the table of means.
func pathMeans(tools []*tool, byTool [][]*paths) string {
	table := tabular.Table{Columns: "lr", Head: []string{
		"tool", "addresses", "pairs", "nodes", "links", "false nodes", "false links", "probes per target", "s", "complete balancers", "whole", "claimed",
	}}
	for i, t := range tools {
		sum, k := paths{}, 0.0
		for _, p := range byTool[i] {
			if p != nil {
				sum.add(p)
				k++
			}
		}
		if k == 0 {
			continue
		}
		complete := float64(max(1, sum.even.Balancers))
		table.Add(t.name, percent(sum.addresses/k), percent(sum.pairs/k), percent(sum.nodes/k), percent(sum.links/k), tabular.Number(sum.falseNodes), tabular.Number(sum.falseLinks),
			tabular.Number(sum.probes/sum.targets), tabular.Number(sum.seconds/k), tabular.Count(sum.even.Balancers),
			percent(float64(sum.even.Whole)/complete), percent(sum.even.Claimed/complete))
	}
	return table.Markdown()
}

// pathsByNetwork returns the table of each tool in each network. The last tool is the reference, if it
// ran there.
func pathsByNetwork(tools []*tool, byTool [][]*paths) string {
	table := tabular.Table{Columns: "rlr", Head: []string{"network", "tool", "targets", "probes per target", "of tracelb's", "addresses", "pairs", "nodes", "links", "false links", "s"}}
	reference := tools[len(tools)-1].seeds > 0
	for seed := range byTool[0] {
		per := 0.0
		if last := byTool[len(tools)-1]; reference && seed < len(last) && last[seed] != nil {
			per = last[seed].probes / last[seed].targets
		}
		for i, t := range tools {
			if seed >= len(byTool[i]) || byTool[i][seed] == nil {
				continue
			}
			p, share := byTool[i][seed], "–"
			if per > 0 {
				share = percent(p.probes / p.targets / per)
			}
			table.Add(strconv.Itoa(seed+1), t.name, tabular.Number(p.targets), tabular.Number(p.probes/p.targets), share, percent(p.addresses), percent(p.pairs),
				percent(p.nodes), percent(p.links), tabular.Number(p.falseLinks), tabular.Number(p.seconds))
		}
	}
	return table.Markdown()
}
