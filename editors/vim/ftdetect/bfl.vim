autocmd BufNewFile,BufRead *.bfl setfiletype bfl
