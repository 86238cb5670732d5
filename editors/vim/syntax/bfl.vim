" Syntax of bfl, jobs that correct rows of databases.
if exists('b:current_syntax')
  finish
endif
syn case match
syn iskeyword @,48-57,_,$

" words: begin (editors/generate.py)
syn keyword bflConstant true false null
syn keyword bflOperatorWord and or not in case
syn match bflItem "\<\%(apply\|fn\|for\|job\|let\|native\|param\|program\|recipe\|source\|test\|use\)\>"
syn match bflStep "\<\%(check\|delete\|insert\|snapshot\|sql\|update\|upsert\|verify\)\>"
syn match bflClause "\<\%(cluster\|derive\|distinct\|expand\|follow\|group\|join\|keep\|limit\|order\|skip\|union\|where\|window\)\>"
syn match bflClause "\<\%(after\|atomic\|cascades\|chunk\|done\|expect\|from\|into\|key\|of\|on\|once\|pace\|quarantine\|reads\|retry\|rollout\|through\|when\|writes\)\>"
syn match bflClause "\<\%(assert\|given\|match\|set\|unique\)\>"
syn match bflClause "\<\%(approval\|approve\|as\|asc\|at\|author\|backoff\|by\|column\|desc\|duplicate\|each\|else\|env\|error\|first\|gives\|hash\|last\|loop\|many\|one\|optional\|others\|over\|partition\|pause\|per\|promote\|rollback\|running\|secret\|sensitive\|stop\|then\|times\|to\|transient\|using\|wait\|within\)\>"
syn keyword bflType contained bool int decimal float text bytes date timestamp duration uuid json table column
" words: end

" A word behind a point, before `==`, a comma or a colon is a name, whatever it is elsewhere.
syn match bflMember "\.\s*[A-Za-z_$][A-Za-z0-9_$]*"
syn match bflName "\<\%(\%(and\|or\|not\|in\|case\|true\|false\|null\|asc\|desc\|running\|distinct\|others\|skip\)\>\)\@![A-Za-z_][A-Za-z0-9_$]*\>\ze\s*\%([<>!=]=\|[<>*/+:,)]\|=[^>=]\)"
syn match bflFunction "\<\%(\%(and\|or\|not\|in\|case\)\>\)\@![A-Za-z_][A-Za-z0-9_]*\ze("
syn match bflPlaceholder "\$[A-Za-z0-9_]\+"
syn match bflQuoted "`[^`]*`"

syn match bflNumber "\<\d[0-9_]*\%(\.\d[0-9_]*\)\?\%(%\|\%([KMGT]i\?\)\?B\>\|\%(us\|ms\|s\|m\|h\|d\|w\)\>\|\>\)"
syn match bflDate "\<\d\{4}-\d\d-\d\d\%(T\d\d:\d\d\%(:\d\d\%(\.\d\+\)\?\)\?\%(Z\|[+-]\d\d:\d\d\)\?\)\?"
syn match bflTyped "\%(:\|->\)\s*\%(secret\s\+\)\?\[\?\h\w*?\?\]\??\?\ze\s*\%([,)={}]\|$\|#\)" contains=bflType
syn match bflArrow "=>\|->"

syn match bflEscape contained "\\\%(u{[0-9A-Fa-f]\+}\|.\)"
syn region bflString start=+"+ skip=+\\.+ end=+"+ oneline contains=bflEscape
syn region bflString start=+"""+ skip=+\\.+ end=+"""+ contains=bflEscape
syn region bflRaw start=+\<r"+ end=+"+ oneline
syn region bflRaw start=+\<r"""+ end=+"""+
syn region bflFormat start=+\<f"+ skip=+\\.+ end=+"+ oneline contains=bflEscape,bflHole
syn region bflHole contained matchgroup=bflDelimiter start=+{{\@!+ end=+}+ oneline contains=TOP

syn match bflDeclared "\<\%(job\|let\|source\|param\|fn\|recipe\|snapshot\|check\|update\|insert\|upsert\|delete\|verify\)\s\+\%(others\>\)\@!\%([A-Za-z_$][A-Za-z0-9_$]*\|`[^`]*`\)\ze\s*\%([{=:(#]\|$\|\%(of\|into\|from\|on\|after\|when\|expect\|chunk\|once\|atomic\|key\)\>\)" contains=bflItem,bflStep,bflDeclaredName
syn match bflDeclaredName contained "\s\@<=[A-Za-z_$`][^`[:space:]{=:(#]*`\?"

syn match bflComment "#.*$" contains=@Spell

hi def link bflItem Structure
hi def link bflStep Statement
hi def link bflClause Keyword
hi def link bflOperatorWord Operator
hi def link bflConstant Constant
hi def link bflType Type
hi def link bflFunction Function
hi def link bflPlaceholder Identifier
hi def link bflQuoted Identifier
hi def link bflDeclaredName Identifier
hi def link bflNumber Number
hi def link bflDate Number
hi def link bflArrow Operator
hi def link bflString String
hi def link bflRaw String
hi def link bflFormat String
hi def link bflDelimiter Delimiter
hi def link bflEscape SpecialChar
hi def link bflComment Comment

let b:current_syntax = 'bfl'
