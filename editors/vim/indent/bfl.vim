" A line is one step further in than the line of the bracket around it; a clause below its item one more.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1
setlocal indentexpr=BflIndent(v:lnum)
setlocal indentkeys=0{,0},0),0],!^F,o,O,=where,=join,=skip,=derive,=group,=order,=limit,=keep
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

if exists('*BflIndent')
  finish
endif

" words: begin (editors/generate.py)
let s:headers = '^\s*\%(apply\|check\|delete\|fn\|for\|insert\|job\|let\|native\|param\|program\|recipe\|snapshot\|source\|sql\|test\|update\|upsert\|use\|verify\)\>'
let s:clauses = '^\s*\%(after\|atomic\|cascades\|chunk\|cluster\|derive\|distinct\|done\|expand\|expect\|follow\|from\|group\|into\|join\|keep\|key\|limit\|of\|on\|once\|order\|pace\|quarantine\|reads\|retry\|rollout\|skip\|through\|union\|when\|where\|window\|writes\)\>'
" words: end

" The line of the bracket around `lnum`, or 0; brackets in texts and comments do not count.
function! s:opener(lnum) abort
  let l:view = winsaveview()
  call cursor(a:lnum, 1)
  let l:text = 'synIDattr(synID(line("."), col("."), 1), "name") =~# "bfl\\%(String\\|Raw\\|Format\\|Comment\\|Escape\\|Quoted\\)"'
  let l:found = searchpair('[{(\[]', '', '[})\]]', 'bnW', l:text, max([1, a:lnum - 2000]))
  call winrestview(l:view)
  return l:found
endfunction

function! BflIndent(lnum) abort
  let l:line = getline(a:lnum)
  let l:opener = s:opener(a:lnum)
  if l:line =~# '^\s*[})\]]'
    return l:opener ? indent(l:opener) : 0
  endif
  let l:base = l:opener ? indent(l:opener) + shiftwidth() : 0
  if l:line !~# s:clauses
    return l:base
  endif
  " Upwards to what the clause belongs to.
  let l:above = prevnonblank(a:lnum - 1)
  while l:above > l:opener
    let l:text = getline(l:above)
    if l:text =~# '^\s*[})\]]'
      let l:above = s:opener(l:above)
      continue
    endif
    if l:text =~# s:headers
      return indent(l:above) + shiftwidth()
    endif
    if l:text =~# '^\s*\%(set\|assert\|match\|unique\)\>'
      return l:base
    endif
    let l:above = prevnonblank(l:above - 1)
  endwhile
  return l:base
endfunction
