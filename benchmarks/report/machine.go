package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// compared are the modules whose versions matter.
var compared = []string{
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity", "github.com/redis/rueidis", "github.com/redis/go-redis/v9",
	"github.com/gomodule/redigo", "github.com/jackc/puddle/v2",
}

// thisMachine describes where we are.
func thisMachine(ctx context.Context) measure.Machine {
	m := measure.Machine{
		Cores: runtime.NumCPU(), CPU: cpu(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Redis:   version.FindString(output(ctx, "redis-server", "--version")),
		Commit:  strings.TrimSpace(output(ctx, "git", "rev-parse", "--short", "HEAD")),
		Modules: map[string]string{},
	}
	// What this program writes is no change of what it measures.
	if output(ctx, "git", "status", "--porcelain", "--", ":/", ":!/benchmarks/report", ":!/README.md") != "" {
		m.Commit += "+"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			for _, p := range compared {
				if d.Path == p {
					m.Modules[p] = d.Version
				}
			}
		}
	}
	return m
}

var version = regexp.MustCompile(`\d+(\.\d+)+`)

// output returns what a program prints; nothing if it fails.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// cpu names the processor, where the system tells.
func cpu() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
