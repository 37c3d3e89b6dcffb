package main

import "github.com/autodefend/autodefend/internal/waas/rules"

// gate narrows a rule at the default level: there the rule counts only when the text that it matched shows one more
// sign of an attack, which is what the Core Rule Set's anomaly score asks for with its threshold. The levels above have
// the rule as it is.
type gate struct {
	sign   string // the expression that finds it, in the text as the rule's last condition sees it
	reason string
}

// narrowed appends a rule's draft, and in front of it the narrow twin if the rule has a gate.
func (c *compiler) narrowed(d draft) error {
	g, ok := c.gates[d.rule.ID]
	if !ok {
		c.drafts = append(c.drafts, d)
		return nil
	}
	if d.rule.Level != rules.Default {
		return d.place.errorf("the rule has a gate and isn't at the default level")
	}
	twin := d
	twin.rule.Narrow = true
	twin.conditions = append([]draftCondition(nil), d.conditions...)
	guard := &secRule{
		place: d.place, targets: []secTarget{{name: "MATCHED_VARS"}}, operator: secOperator{name: "rx", argument: g.sign},
	}
	if err := c.condition(&twin, guard); err != nil {
		return err
	}
	twin.conditions[len(twin.conditions)-1].Gate = true
	d.rule.Level = rules.Core
	c.drafts = append(c.drafts, twin, d)
	return nil
}

// gatesByRule lists the gates by the rules that have them.
func gatesByRule() map[int]gate {
	all := map[int]gate{}
	for _, list := range []map[int]gate{commandGates(), fileGates(), codeGates(), scriptGates(), queryGates(), protocolGates()} {
		for id, g := range list {
			all[id] = g
		}
	}
	return all
}

// commandGates are for the rules about shells.
func commandGates() map[int]gate {
	const (
		// What follows a command and hardly ever a word of a sentence: an option, a path, an expansion, an address, a
		// redirection.
		argument = `\s+(?:--?[a-z][\w=-]*|(?:~|\.{1,2}|\$\w+)?/[\w.*?\[$~]|[a-z]:\\|%\w+%|/[a-z](?:\s|\z)|["']?\$[\w({@*!]|["']?(?:https?|ftp)://|\d{1,3}(?:\.\d{1,3}){3}|[<>]\s*[\w/&$(])`
		name     = `["'\\(]*(?:[\w.~*?$-]*[/\\])*[\w.'"\\^$@*?\[\]{}+-]{2,60}`
		shell    = `(?i)(?:[;|&]|\$\(|<\(|\A[^\n\r]{0,60}[\n\r]+|\A[\s"']*)\s*` + name + argument +
			`|(?:[;|]|&&|\A[^\n\r]{0,60}[\n\r])\s*[\w/.'"\\^$@-]{2,40}\s*(?:\z|[;|#` + "`" + `]|&(?:&|\s|\z))|&\s*[\w'"\\^$@-]{2,40}\s*(?:\z|[|#` + "`" + `]|&(?:&|\s|\z))` +
			`|\$\(\s*[\w/.'"\\-]{1,40}\s*\)|\$\{?IFS|[;|&]\s*["']?[\w$]+["'\\^]+\w`
		word     = "names of commands are words of prose, of host names and of file names, and lines of code and logs begin like commands"
		programs = `(?:id|whoami|cat|curl|wget|nslookup|dig|ping|sleep|ls|uname|hostname|env|printenv|(?:ba|da|z|k)?sh|nc|ncat|python\d?|perl|ruby|php|node|echo|printf|touch|rm|base64|sed|awk|head|tail|xxd|powershell|cmd|dir|ipconfig|ifconfig|netstat|ps|who|expr|tee|kill|timeout|find|openssl|host|socat|telnet|busybox|tar|cp|mv|chmod|wc|sort|rev|id)`
	)
	return map[int]gate{
		932125: {shell, word},
		932230: {shell, word},
		932235: {shell, word},
		932250: {shell, word},
		932260: {shell, word},
		932340: {shell, word},
		932370: {shell, word},
		932380: {shell, word},
		932130: {
			`(?i)(?:\$|[<>])\(\s*[\w/.'"\\]*` + programs + `\b|\$\(\(\s*\d+\s*[-+*/%]|\$\{(?:IFS|PATH|HOME|PWD|SHELL|AWS_\w+|OSTYPE|LS_COLORS|[@!]|\w*[:#%/^,]\d)|\$\(\s*<|\A[^\n]{0,30}\$\{[^{}\n]*[(\[][^\n]*\}[^\n]{0,30}\z`,
			"templates, make files and scripts are full of $(...) and ${...}, routes and expressions of /a[b]",
		},
		932160: {
			`(?i)etc[/\\](?:passwd|shadow)|dev/(?:tcp|udp)/|(?:[;|&` + "`" + `]|\$\()[^\n]{0,60}(?:bin/|\$\{?\w)|bin/(?:ba|da|z|k|c)?sh\s*-[cil]|\A\W{0,4}(?:usr/)?(?:local/)?s?bin/\w+(?:\s+-|/\w)|\$\{?ifs|\$\{?\w+:|proc/self|[<>]\s*/dev/`,
			"configurations and scripts name programs and variables",
		},
	}
}

// fileGates are for the rules about files.
func fileGates() map[int]gate {
	const upwards = `(?i)(?:\.{2,3}[/\\;]+){4}|\A[^\s'"<>` + "`" + `(){}]*(?:\.{2,3}[/\\;]+){2}[^\s'"<>` + "`" + `(){}]*\z|\A(?:file:)?[/\\][^\s'"<>]*[/\\;]\.{2,3}(?:[/\\;]|\z)|` +
		`\.\.[/\\;][^\s'"<>]{0,80}(?:etc[/\\]|passwd|shadow|windows|winnt|boot\.ini|win\.ini|proc[/\\]|\.env\b|\.ssh|\.aws|\.git\b|web-inf|config\.(?:php|json|ya?ml|inc)|\.htaccess|id_rsa|var[/\\](?:task|runtime|log)|\x00|%00)|\.\.\.[/\\]+\.\.|\.\.;[^/\s]*/|%(?:25)*(?:2e|2f|5c|c0|c1|u002f|uff0e)|0x2[ef]|\A\.\.[/\\]?\z`
	return map[int]gate{
		930100: {upwards, "relative imports and links have one or two steps upwards"},
		930110: {upwards, "relative imports and links have one or two steps upwards"},
		930120: {
			`(?i)etc[/\\]+(?:passwd|shadow|gshadow|sudoers|master\.passwd|security[/\\])|proc[/\\]+(?:self|\d+)[/\\]|(?:win|boot|system)\.ini|system32[/\\]|\.ssh[/\\]|id_(?:rsa|dsa|ed25519)|\.aws[/\\]|web-inf|\.ht(?:passwd|access)\b|_history\b|` +
				`\A[^\s'"<>` + "`" + `]*(?:/|\\|=|:)(?:etc|proc|sys|root|boot|dev|windows|winnt|var[/\\](?:log|run|lib|task|runtime|spool)|usr[/\\]local[/\\](?:etc|apache\d?|nginx)|home[/\\][^/\\]+[/\\]\.)[/\\][^\s'"<>` + "`" + `]*\z|` +
				`\A(?:etc|proc|windows|winnt)[/\\]\S*\z|\A(?:/|\./)?\.(?:env|git|svn|npmrc|dockercfg|pgpass|netrc|bash\w*|ssh|aws)\b\S{0,40}\z|` +
				`(?:[;|&` + "`" + `]|\A|\$\()\s*(?:/\w+)*/?(?:cat|tac|more|less|head|tail|type|nl|strings|xxd|od|base64|cp|grep\s+\S+|curl|dd)\b[^\n]{0,60}[/\\](?:etc|proc|var|root|home|windows)[/\\]|\(\s*["'` + "`" + `]?[/\\]?(?:etc|proc|root|sys|windows)[/\\]|\(\s*["'` + "`" + `][/\\]?(?:tmp|var)[/\\]|[;|&` + "`" + `][^\n]{0,25}[/\\](?:etc|proc|root|tmp|var|windows)[/\\]|\A\W{0,3}\w{2,8}(?:\s+-\w+)*\s*[/\\](?:etc|proc|root|windows)[/\\]\S*\s*\z|file:/{1,3}|php:/{2}|\x00`,
			"commits, stack traces and configurations name files; who wants to read one sends its path and nothing else, or one of those that are always wanted",
		},
		931100: {
			`(?i)\.(?:txt|php\d?|phtml|inc|aspx?|jspx?|sh|pl|py|exe|dat)\b|\?+\s*\z|%00|\A(?:ftps?|ssh|file):`,
			"addresses of development machines and callbacks are numbers",
		},
	}
}

// codeGates are for the rules about code.
func codeGates() map[int]gate {
	return map[int]gate{
		933100: {
			`(?is)<\?(?:php|=|\s).{0,600}?(?:\b(?:system|exec|passthru|shell_exec|popen|proc_open|eval|assert|base64_decode|phpinfo|include|require|file_(?:get|put)_contents|fopen|unlink|die|md5|create_function|call_user_func|highlight_file|show_source|readfile)\b|\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)|` + "`" + `)|\A\W{0,8}<\?(?:php|=)?\s*(?:echo|print)|\A\W{0,4}<\?(?:php)?\s*\z|\[[/\\]?php\]|\{/?php\}`,
			"code of PHP and the head of an XML document are posted as text",
		},
		933135: {
			`(?i)\$\s*\{\s*@?(?:phpinfo|system|exec|passthru|shell_exec|popen|eval|assert|print|die|md5|sleep|chr|file|include|require|\w+_\w+|\$_)\s*[(\[]|\$\s*\{\s*@?print|\A[^\n]{0,30}\$\s*\{[^{}\n]*[(\[][^\n]*\}[^\n]{0,30}\z`,
			"templates of other languages are ${...} too",
		},
		933150: {
			`(?i)(?:\A\W{0,12}|;[ \t]*|<\?\S*\s*|\{\s*\$?\{?\s*@?|@|\|[ \t]*|echo\s+)[a-z_]\w*\s*\([^\n]*?\)|\A\W*\w+\W+[a-z_]\w+\s*\(\s*['"$]|\$_(?:GET|POST|REQUEST|COOKIE|SERVER)`,
			"messages of errors and code of other languages name functions",
		},
		934100: {
			`(?i)_\$\$nd_func|_js_function|this\.constructor|constructor[\[.(]\s*constructor|child_process|process\.main|mainmodule|process\.(?:binding|constructor|global|dlopen|kill|exit|exec|spawn|open|read|write|access|unlink|rm|chmod|copy|rename|stat)|process\[|fromcharcode|global\.process|globalthis|` +
				`\A[^\w]{0,12}(?:eval|new\s*function|function|console|process|require|global|import|this|return|var|let|const)\b|\A[^\n]{0,60}\bprocess\.(?:env|argv|cwd|version|pid)\b[^\n]{0,60}\z|['"` + "`" + `]\s*[;+)]+\s*(?:eval|console|require|process|function|new)\b|prototype|\{\{|\$\{|<%`,
			"code and stack traces of Node.js are posted as text",
		},
		934170: {scriptData, "pictures come as data URLs"},
		944130: {
			`(?i)java\.lang\.(?:runtime|processbuilder|processimpl|system|class(?:loader)?\b|shutdown|unixprocess|invoke|string\b|object\b|integer|math|thread\b)[^\n]{0,4}(?:[@.)\s]\W*(?:get|exec|start|exit|forname|load|new|runtime|env|class)|\(|\z|@)|javax?\.(?:script|naming|el)\.|java\.(?:io|nio)[\w.]*\.?(?:file\w*|bufferedreader|inputstreamreader|files|paths|printwriter|bytearray\w+)\b[^\n]{0,2}(?:\(|@|\)|<|"|'|\z)|java\.(?:net\.url\w*|net\.socket|util\.(?:scanner|hashmap|priorityqueue|zip))\b\s*(?:\(|@|\)|"|'|\z|<)|` +
				`(?:new\s+|\bT\(|#\w{1,20}\s*=|[@#]|\$\{|%\{|!!|"@type"\s*:\s*")[^\n]{0,60}java|\A\W{0,4}[\w.$]*java[\w.$]*\W{0,4}\z|getruntime|processbuilder|<\w*[^>]*class\s*=`,
			"stack traces of Java name classes",
		},
	}
}

// scriptData finds data URLs with something that runs.
const scriptData = `(?i)data:\s*(?://|text/(?:html|xml|javascript|ecmascript|x-?php)|application/(?:x-)?(?:(?:httpd-)?php|javascript|ecmascript|xhtml)|[;,])|base64,\s*(?:PD9|PHN2|PHNj|PHN|PGlm|PGlt|PGJv)`

// scriptGates are for the rules about scripts in pages.
func scriptGates() map[int]gate {
	const (
		handlerNames = `on(?:abort|after\w+|animation\w+|auxclick|before\w+|begin|blur|bounce|cancel|canplay\w*|change|click|close|contextmenu|copy|cuechange|cut|dblclick|drag\w*|drop|durationchange|end|ended|error|finish|focus\w*|formdata|fullscreen\w*|gotpointercapture|hashchange|input|invalid|key\w+|load\w*|lost\w+|message\w*|mouse\w+|mousewheel|offline|online|open|page\w+|paste|pause|play\w*|pointer\w+|popstate|progress|propertychange|ratechange|readystatechange|repeat|reset|resize|scroll\w*|search|securitypolicy\w+|seek\w+|select\w*|show|slotchange|stalled|start|storage|submit|suspend|timeupdate|toggle|touch\w+|transition\w+|unhandledrejection|unload|volumechange|waiting|webkit\w+|wheel)`
		handler      = `(?:\A|[\s/"'` + "`" + `;<>,()=\x0b])` + handlerNames + `[\s\x00-\x1f]*=[\s\x00-\x1f]*["'` + "`" + `]?\s*[^\s{=>"'` + "`" + `]`
		scheme       = `(?:java|vb|live)script\s*:\s*[^\s]*?[(` + "`" + `\[=.]\S`
		script       = `<\s*/?\s*script[\s>/\x00]|<[^>]{0,200}(?:srcdoc|formaction)\s*=|<(?:object|embed|applet|base|isindex)[\s/][^>]*(?:data|src|code|href)\s*=|<meta[^>]+refresh[^>]*url|<iframe[^>]*src\s*=\s*["']?\s*(?:data|java|vb|//|\\)|<\?xml-stylesheet|<!entity|<\w+:script|expression\s*\(|-moz-binding|behaviou?r\s*:\s*url|<(?:animate|set|a)[^>]+attributename\s*=|xlink:href\s*=\s*["']?\s*(?:data|java)|` +
			`&(?:#|tab|newline)[^\s]{0,200}(?:alert|script)|<x?svg[/\s]+on`
		runs   = `(?i)(?:` + handler + `|` + scheme + `|` + script + `|` + "data:\\s*(?:text/html|text/xml|application/xhtml|image/svg\\+xml[^,]*,\\s*<|[;,])" + `)`
		markup = "newsletters, editors of rich text and code of components are markup without anything that runs"
	)
	return map[int]gate{
		941100: {runs, markup},
		941120: {`(?i)(?:` + handler + `)`, "components of React have onClick={...}, and words begin with on"},
		941130: {
			`(?i)xlink:href\s*=\s*["']?\s*(?:data|java)|data:text/html|formaction|!entity\s+(?:%\s*)?\S+\s+(?:system|public)|@import\s*(?:["']|url)|pattern\s*=[^\n]{0,80}on\w+\s*=|` + handler,
			"XML and pictures in it declare name spaces, pictures come as data URLs",
		},
		941160: {runs, markup},
		941170: {`(?i)` + scheme + `|` + scriptData + `|@\W*?i\W*?m\W*?p\W*?o\W*?r\W*?t\W*?["'(]|-moz-binding`, "pictures come as data URLs, and JavaScript is a language to write about"},
		941180: {
			`(?i)` + handler + `|` + scheme + `|<script|["'` + "`" + `]\s*[-;)}>+*,|&^]+\s*[^\n]{0,30}(?:document|window|\.innerhtml|\.parentnode)|\A\W{0,6}(?:document|window)\.(?:cookie|domain|location|write|body)|(?:eval|alert|prompt|confirm|fetch|open|write|atob)\s*[(` + "`" + `][^\n]{0,80}(?:document|window)\.|(?:document|window)\.(?:cookie|domain|location|write)\W{0,3}(?:\z|[^\n]{0,20}https?:)|<!\[cdata|-moz-binding`,
			"newsletters have comments, and code names the document",
		},
		941390: {
			`(?i)\b(?:alert|confirm|prompt|print|eval|atob|btoa)\s*(?:\(\s*(?:\d|/|['"` + "`" + `][^'"` + "`" + `\n]{0,60}['"` + "`" + `]\s*[),+]|document|window|location|self|this|origin|top|name|string|atob|unescape|decode|\w+\s*\))|` + "`" + `)|fetch\s*\(\s*['"` + "`" + `](?:https?:)?//|set(?:timeout|interval)\s*\(\s*['"` + "`" + `]|new\s+function\s*\(\s*['"` + "`" + `]|import\s*\(\s*['"` + "`" + `](?:https?:|data:)?/|` + handler + `|` + scheme + `|<script`,
			"an alert (or import) in prose, and calls in posted code",
		},
	}
}

// queryGates are for the rules about SQL.
func queryGates() map[int]gate {
	const (
		values = `(?:\d+\s*\)*\s*(?:[=<>!]|like\b|in\b|is\b|between\b|--|#|/\*|\z|\()|['"][^'"]*['"]?\s*(?:[=<>]|like\b|in\b|\))|['"][^'"]{0,20}\z|\d+\s*\z|(?:true|false|null|exists|sleep|benchmark|pg_sleep|ascii|substr\w*|mid|ord|length|char|if|case|row|extractvalue|updatexml|version|user|database|elt|make_set|cast|convert|randomblob|sysdate|curdate|json_\w+|chr|hex|all\s+select|distinct\s+select|not)\b|@@?\w|\(*\s*select\b)`
		logic  = `(?:\b(?:or|and|xor|having|rlike|regexp|between|div|mod|like|where|when|in|is)\b|\|\||&&)[\s(!~+@/*-]*(?:not\s+)?`
		quote  = `['"` + "`" + `´’]\s*\)*\s*(?:/\*[^*]*\*/|\s)*(?:` + logic + values + `|` + logic + `[\w.]{1,30}\s*(?:[=<>]|is\s|like\s|in\s*\(|between\s)|\b(?:union|order\s+by|group\s+by|limit|procedure|into)\b[\s(/*!]*[\w('"]|\|\|\s*[\w('"]|&&\s*[\w('"]|;\s*(?:\z|--|#|/\*|select|insert|update|delete|drop|exec|declare|waitfor|shutdown|create|alter|truncate|begin|set|if)|--(?:[\s+-]|\z)|#\s*(?:\z|['"\w]*\s*\z)|/\*|[-+*%^|]['"(\d]|[-+*%^]\s*\(?\s*(?:sleep|if|benchmark|select|pg_sleep)\b|(?:=|<>|<=>|like|:=)\s*['"])`
		number = `\A\s*[-+~!(@]*[\w.@]{0,24}\)*(?:\s|/\*[^*]*\*/|\+|%20)*\)*\s*` + logic + values + `|\A\s*-?\d+\)*\s+(?:or|and)\s+[\w.]+\s*(?:[=<>]|is\s|like\s)`
		words  = `\bunion\b[\s\S]{0,60}\bselect\b|\(\s*select\b|information_schema|pg_catalog|sqlite_master|sysobjects|\ball_tables\b|@@(?:version|datadir|hostname|basedir)|xp_cmdshell|into\s+(?:out|dump)file|load_file\s*\(|waitfor\s+(?:delay|time)|benchmark\s*\(|pg_sleep|\bsleep\s*\(\s*\d|extractvalue\s*\(|updatexml\s*\(|\bdbms_\w+|\butl_\w+|\bn?char\s*\(\s*\d+|\b0x[0-9a-f]{6,}\b[^\n]*(?:--|#|\bor\b|\band\b|\bfrom\b)|group_concat\s*\(|/\*!|procedure\s+analyse|order\s+by\s+\d+\s*(?:--|#|\z)|\bhaving\s+\d|\bcase\s+when\b[^\n]{0,80}\bthen\b[^\n]{0,80}(?:\bselect\b|\(|--|\d\s+end)|\brandomblob\s*\(|0\s*div\s*0|current_setting\s*\(|regexp_substring|json_(?:extract|keys|depth)\s*\(`
		stack  = `(?:\A|[\w'")])\s*;\s*(?:select\s|insert\s+into|update\s+[\w.]+\s+set|delete\s+from|drop\s+(?:table|database|user|view|schema|index|column)|exec(?:ute)?[\s(]|declare\s+@|waitfor|shutdown\b|create\s+(?:or\s+replace\s+)?(?:table|user|function|procedure|view|database|role|login)|alter\s+(?:table|user|database|login|role)|truncate\s+table|grant\s|rename\s+table|load\s+data|copy\s+\w+\s+(?:from|to)|if\s*\(?\s*\d)`
		ending = `\A[^\n]{0,300}?(?:['"` + "`" + `)]|\b\d+|\bnull|\btrue)\s*(?:--[\s+-]*\w{0,12}|#|/\*[^*]*(?:\*/)?|;\s*%00|;\s*\x00)\s*\z`
		direct = `\A[\W\d]{0,6}select\b[^\n]{1,300}\bfrom\b|\A[\W\d]{0,6}(?:insert\s+into|delete\s+from|drop\s+(?:table|database)|update\s+\w+\s+set|alter\s+(?:table|user)|create\s+(?:table|user|database)|truncate\s+table|union\s+(?:all\s+)?select|exec(?:ute)?\s+(?:master|xp_|sp_))`
		signs  = `(?i)(?:` + quote + `|` + number + `|` + words + `|` + stack + `|` + ending + `|` + direct + `)`
		prose  = "filters, search terms and sentences have the words and quotes of SQL; an injection ends a string or a number, opens a comment or begins a statement"
	)
	return map[int]gate{
		942100: {signs, prose},
		942140: {signs, prose},
		942151: {signs, "functions of SQL have the names of mathematics and of other languages"},
		942170: {signs, prose},
		942190: {signs, prose},
		942230: {signs, prose},
		942350: {signs, prose},
		942290: {
			`(?i)\$(?:eq|ne|gte?|lte?|n?in|not|n?or|and|regex|options|where|exists|expr|jsonschema|mod|elemmatch|rand|function|accumulator|lookup|match|unset|push|pull|inc|rename|unionwith|merge|out)(?:\s*["'\]]|\s*:|\z)`,
			"names with a dollar are ordinary in analytics, OData and JSON schemas",
		},
		942360: {signs, "lists of things to do begin with a number and create, select or update something"},
		942540: {signs + `|\A(?:[^'"` + "`" + `]*[^\ds\s'"` + "`" + `])?['"` + "`" + `]\s*;|\A[^'"` + "`" + `\n]{0,40}['"` + "`" + `]\s*;\s*(?:\z|//|[$@]|[a-z_.]+\s*\(|[a-z]{2,}\s+[-/$"'\d~.]|(?:cat|ls|id|dir|whoami|uname|ifconfig|ipconfig|env|ping|sleep|curl|wget|echo|type|net|ps|nc|sh|bash|print|return|var|let|import|require|system|exec|eval|alert)\b)`, "inches, feet and quoted words stand before semicolons"},
		942550: {signs, "JSON in quotes is posted in code and in JSON"},
	}
}

// protocolGates are for the rules about the protocol.
func protocolGates() map[int]gate {
	const split = `(?i)[\n\r]\s*(?:(?:get|post|put|head|options|delete|patch|connect|trace)\s+\S+\s+http/\d|http/\d(?:\.\d)?\s+\d{3}|(?:content-(?:type|length)|set-cookie|location|transfer-encoding)\s*:)`
	return map[int]gate{
		921110: {split, "access logs have the lines of requests"},
		921130: {split + `|\A\s*http/\d\.\d\s+\d{3}`, "protocols are written about, and mails are documents with a head"},
	}
}
