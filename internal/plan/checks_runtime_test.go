package plan

import "github.com/autodefend/autodefend"

func runtime(name string) func(*situation) { return func(s *situation) { s.f.Runtime = name } }

func architecture(name string) func(*situation) {
	return func(s *situation) { s.f.Architecture = name }
}

// image is a container image as AWS describes it: without runtime, handler and
// layers.
func image(s *situation) {
	s.f.PackageType = autodefend.PackageImage
	s.f.Runtime, s.f.Handler, s.f.Layers = "", "", nil
}

// blocked is python3.13 blocked on 2026-03-01, judged on a day.
func blocked(now string) func(*situation) {
	return func(s *situation) {
		s.facts.Now = day(now)
		s.facts.Runtimes = Catalog{"python3.13": {Name: "python3.13", Family: "python", OS: "AL2023", Wrapper: true, Blocked: day("2026-03-01")}}
	}
}

func supports(runtimes ...string) func(*situation) {
	return func(s *situation) { s.facts.Recipe.Runtimes = runtimes }
}

func runtimeCases() []checkCase {
	const (
		kind = autodefend.CheckPackageType
		arch = autodefend.CheckArchitecture
		id   = autodefend.CheckRuntime
		when = autodefend.CheckRuntimeBlocked
	)
	overridden := func(s *situation) { blocked("2026-03-02")(s); s.facts.AllowBlockedRuntimes = true }
	return []checkCase{
		{check: kind, name: "zip", want: autodefend.Pass, seen: "Zip", limit: "Zip"},
		{check: kind, name: "image", edit: image, want: autodefend.Fail, hint: "COPY --from=autodefend", seen: "Image", limit: "Zip"},

		{check: arch, name: "x86_64", want: autodefend.Pass, seen: "x86_64", limit: "x86_64"},
		{check: arch, name: "arm64", edit: architecture("arm64"), want: autodefend.Fail, hint: "use the recipe autodefend", seen: "arm64", limit: "x86_64"},
		{check: arch, name: "arm64, our recipe", recipe: "autodefend", edit: architecture("arm64"), want: autodefend.Pass, seen: "arm64", limit: "arm64, x86_64"},
		{check: arch, name: "one AWS adds later", recipe: "autodefend", edit: architecture("riscv64"), want: autodefend.Fail, seen: "riscv64", limit: "arm64, x86_64"},

		{check: id, name: "by family", want: autodefend.Pass, message: "python3.13 on AL2023", seen: "python3.13", limit: "python, nodejs"},
		{check: id, name: "by exact name", edit: supports("python3.13"), want: autodefend.Pass, limit: "python3.13", seen: "python3.13"},
		{check: id, name: "another exact name", edit: supports("python3.12"), want: autodefend.Fail, seen: "python3.13", limit: "python3.12"},
		{check: id, name: "a name's beginning isn't a family", edit: supports("python3", "py"), want: autodefend.Fail},
		{check: id, name: "unknown", edit: runtime("python9.9"), want: autodefend.Fail, message: `"python9.9" is unknown`, hint: "runtimes_file", seen: "python9.9"},
		{check: id, name: "not the recipe's", edit: runtime("java21"), want: autodefend.Fail, message: "doesn't support java21", hint: "choose a recipe"},
		{check: id, name: "java, our recipe", recipe: "autodefend", edit: runtime("java21"), want: autodefend.Pass},
		{check: id, name: "OS-only", recipe: "autodefend", edit: runtime("provided.al2023"), want: autodefend.Fail, hint: "bootstrap"},
		{check: id, name: "go", recipe: "autodefend", edit: runtime("go1.x"), want: autodefend.Fail, hint: "bootstrap"},
		{check: id, name: "no wrapper scripts", edit: runtime("python3.7"), want: autodefend.Fail, message: "python3.7 doesn't run wrapper scripts", hint: "newer python runtime"},
		{check: id, name: "no wrapper scripts, no wrapper recipe", recipe: "prisma-handler", edit: runtime("python3.7"), want: autodefend.Pass},
		{check: id, name: "image", edit: image, want: autodefend.Unknown},

		{check: when, name: "the day before", edit: blocked("2026-02-28"), want: autodefend.Pass, seen: "2026-02-28", limit: "2026-03-01"},
		{check: when, name: "the day", edit: blocked("2026-03-01"), want: autodefend.Fail, hint: "allow_blocked_runtimes", seen: "2026-03-01", limit: "2026-03-01"},
		{check: when, name: "the day after", edit: blocked("2026-03-02"), want: autodefend.Fail, message: "refuses updates of python3.13", seen: "2026-03-02", limit: "2026-03-01"},
		{check: when, name: "overridden", edit: overridden, want: autodefend.Warn, hint: "may refuse", seen: "2026-03-02", limit: "2026-03-01"},
		{check: when, name: "no day known", edit: runtime("nodejs26.x"), want: autodefend.Pass},
		{check: when, name: "unknown runtime", edit: runtime("python9.9"), want: autodefend.Pass},
		{check: when, name: "image", edit: image, want: autodefend.Pass},
	}
}
