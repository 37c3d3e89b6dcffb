package plan

import "github.com/autodefend/autodefend"

func wrapperCases() []checkCase {
	const id = autodefend.CheckWrapper
	wrapper := func(path string) func(*situation) { return variable(autodefend.WrapperVariable, path) }
	redirected := func(s *situation) { s.f.Handler = "twistlock.handler" }
	emptied := func(s *situation) { redirected(s); variable("ORIGINAL_HANDLER", "")(s) }
	kept := func(s *situation) { redirected(s); variable("ORIGINAL_HANDLER", "shop.handler")(s) }
	cases := []checkCase{
		{check: id, name: "none", want: autodefend.Pass},
		{check: id, name: "ours", edit: wrapper("/opt/twistlock/wrapper"), want: autodefend.Pass},
		{check: id, name: "ours, our recipe", recipe: "autodefend", edit: wrapper("/opt/autodefend/wrapper"), want: autodefend.Pass},
		{check: id, name: "unknown", edit: wrapper("/opt/" + canary), want: autodefend.Fail, message: "an unknown owner", hint: "use the recipe autodefend", seen: "an unknown owner"},
		{check: id, name: "unknown, chained", recipe: "autodefend", edit: wrapper("/opt/" + canary), want: autodefend.Warn, message: "the Defender will start it", seen: "an unknown owner"},
		{check: id, name: "empty", edit: wrapper(""), want: autodefend.Fail, seen: "an unknown owner"},
		{check: id, name: "no matter to a handler", recipe: "prisma-handler", edit: wrapper("/opt/bootstrap"), want: autodefend.Pass},
		{check: id, name: "undecryptable", edit: undecryptable, want: autodefend.Unknown},
		{check: id, name: "original handler kept", recipe: "prisma-handler", edit: kept, want: autodefend.Pass},
		{check: id, name: "original handler lost", recipe: "prisma-handler", edit: redirected, want: autodefend.Fail, message: "ORIGINAL_HANDLER", hint: "set the variable ORIGINAL_HANDLER"},
		{check: id, name: "original handler emptied", recipe: "prisma-handler", edit: emptied, want: autodefend.Fail, message: "ORIGINAL_HANDLER"},
	}
	for path, owner := range wrapperOwners() {
		cases = append(
			cases,
			checkCase{check: id, name: path, edit: wrapper(path), want: autodefend.Fail, message: "a wrapper of " + owner, seen: owner},
			checkCase{check: id, name: path + ", chained", recipe: "autodefend", edit: wrapper(path), want: autodefend.Warn, message: "a wrapper of " + owner, seen: owner},
		)
	}
	return cases
}
