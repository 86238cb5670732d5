if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1
setlocal commentstring=#\ %s comments=:# expandtab shiftwidth=2 softtabstop=2
setlocal suffixesadd=.bfl
" :make checks the job; its places go to the quickfix list.
setlocal makeprg=bfl\ check\ --color\ never\ %:S
setlocal errorformat=%Eerror[%*[A-Z0-9]]:\ %m,%Wwarning[%*[A-Z0-9]]:\ %m,%C\ %#-->\ %f:%l:%c,%C%.%#,%-G%.%#
let b:undo_ftplugin = 'setlocal commentstring< comments< expandtab< shiftwidth< softtabstop< suffixesadd< makeprg< errorformat<'
if has('nvim') && get(g:, 'bfl_lsp', 1)
  lua require('bfl').start()
  command! -buffer BflReadCatalogue lua require('bfl').read_catalogue()
endif
