;;; bfl-mode.el --- Jobs that correct rows of databases  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: languages

;;; Commentary:

;; Colours, indentation and comments for `*.bfl'.

;;; Code:

;; words: begin (editors/generate.py)
(defconst bfl-mode--items
  '("apply" "fn" "for" "job" "let" "native" "param" "program"
    "recipe" "source" "test" "use")
  "Words that begin an item.")
(defconst bfl-mode--steps
  '("check" "delete" "insert" "snapshot" "sql" "update" "upsert" "verify")
  "Words that begin a step.")
(defconst bfl-mode--relation-clauses
  '("cluster" "derive" "distinct" "expand" "follow" "group" "join" "keep"
    "limit" "order" "skip" "union" "where" "window")
  "Words of clauses of relations.")
(defconst bfl-mode--step-clauses
  '("after" "atomic" "cascades" "chunk" "done" "expect" "from" "into"
    "key" "of" "on" "once" "pace" "quarantine" "reads" "retry"
    "rollout" "through" "when" "writes")
  "Words of clauses of steps.")
(defconst bfl-mode--statements
  '("approval" "approve" "as" "asc" "assert" "at" "author" "backoff"
    "by" "column" "desc" "duplicate" "each" "else" "env" "error"
    "first" "given" "gives" "hash" "last" "loop" "many" "match"
    "one" "optional" "others" "over" "partition" "pause" "per" "promote"
    "rollback" "running" "secret" "sensitive" "set" "stop" "then" "times"
    "to" "transient" "unique" "using" "wait" "within")
  "Words of statements, and words within clauses.")
(defconst bfl-mode--types
  '("bool" "bytes" "column" "date" "decimal" "duration" "float" "int"
    "json" "table" "text" "timestamp" "uuid")
  "The types.")
;; words: end

(defgroup bfl nil "Jobs that correct rows of databases." :group 'languages)

(defcustom bfl-indent-offset 2
  "How far in a block stands."
  :type 'integer
  :safe #'integerp)

(defvar bfl-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?` "\"" table)
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?$ "w" table)
    (modify-syntax-entry ?' "." table)
    table)
  "Comments begin with `#', texts stand in double quotes, names in backticks.")

(defconst bfl-mode--name "[A-Za-z_$][A-Za-z0-9_$]*")

(defun bfl-mode--words (words)
  "A regular expression of WORDS where they are no names.
Those stand behind a point, are compared, listed or assigned to."
  (concat "\\(?:^\\|[^.A-Za-z0-9_$]\\)\\(" (regexp-opt words) "\\)\\_>\\(?:[ \t]*$\\|[ \t]*[^ \t\n=<>!.:,)A-Za-z0-9_$]\\|[ \t]+[A-Za-z_$0-9]\\|[ \t]*=>\\)"))

(defvar bfl-mode--font-lock
  `((,(concat "\\_<\\(job\\|let\\|source\\|param\\|fn\\|recipe\\|" (regexp-opt bfl-mode--steps) "\\)[ \t]+\\(" bfl-mode--name "\\)[ \t]*\\(?:[{=:(#]\\|$\\|" (regexp-opt bfl-mode--step-clauses) "\\_>\\)")
     (1 font-lock-keyword-face) (2 font-lock-function-name-face))
    (,(concat "\\_<\\(use\\|apply\\)[ \t]+\\([A-Za-z_.]+\\)") (1 font-lock-keyword-face) (2 font-lock-constant-face))
    (,(concat "\\(?::\\|->\\)[ \t]*\\(?:secret[ \t]+\\)?\\[?\\(" (regexp-opt bfl-mode--types) "\\)\\??\\]?\\??[ \t]*\\(?:[,)={}]\\|$\\)") 1 font-lock-type-face)
    ("\\_<\\(true\\|false\\|null\\)\\_>" 1 font-lock-constant-face)
    ("\\_<\\(and\\|or\\|not\\|in\\|case\\)\\_>" 1 font-lock-keyword-face)
    ("\\_<[0-9]\\{4\\}-[0-9][0-9]-[0-9][0-9]\\(?:T[0-9:.]+\\(?:Z\\|[+-][0-9:]+\\)?\\)?" 0 font-lock-constant-face)
    ("\\$[A-Za-z0-9_]+" 0 font-lock-variable-name-face)
    (,(concat "\\_<\\(" bfl-mode--name "\\)(")
     1 font-lock-builtin-face)
    (,(bfl-mode--words (append bfl-mode--items bfl-mode--steps bfl-mode--relation-clauses bfl-mode--step-clauses bfl-mode--statements))
     1 font-lock-keyword-face))
  "What is coloured how.")

(defconst bfl-mode--clause-line
  (concat "[ \t]*" (regexp-opt (append bfl-mode--relation-clauses bfl-mode--step-clauses)) "\\_>"))
(defconst bfl-mode--header-line
  (concat "[ \t]*" (regexp-opt (append bfl-mode--items bfl-mode--steps)) "\\_>"))

(defun bfl-mode--opener (position)
  "The position of the bracket around POSITION, or nil."
  (nth 1 (syntax-ppss position)))

(defun bfl-mode--column ()
  "The column to which the line at point belongs."
  (save-excursion
    (beginning-of-line)
    (let* ((here (point))
           (opener (bfl-mode--opener here))
           (base (if opener (+ bfl-indent-offset (save-excursion (goto-char opener) (current-indentation))) 0)))
      (cond
       ((looking-at "[ \t]*[])}]")
        (if opener (save-excursion (goto-char opener) (current-indentation)) 0))
       ((not (looking-at bfl-mode--clause-line)) base)
       (t (bfl-mode--clause-column opener base))))))

(defun bfl-mode--clause-column (opener base)
  "The column of a clause within OPENER: one further than its item, or BASE."
  (catch 'column
    (while (zerop (forward-line -1))
      (when (and opener (<= (line-beginning-position) opener)) (throw 'column base))
      (cond
       ((looking-at "[ \t]*[])}]")
        (let ((other (bfl-mode--opener (point))))
          (when other (goto-char other) (forward-line 1))))
       ((looking-at bfl-mode--header-line) (throw 'column (+ (current-indentation) bfl-indent-offset)))
       ((looking-at "[ \t]*\\(?:set\\|assert\\|match\\|unique\\)\\_>") (throw 'column base))))
    base))

(defun bfl-indent-line ()
  "Indent the line at point; leave the inside of texts alone."
  (interactive)
  (unless (nth 3 (syntax-ppss (line-beginning-position)))
    (let ((column (bfl-mode--column)))
      (if (<= (current-column) (current-indentation))
          (indent-line-to column)
        (save-excursion (indent-line-to column))))))

;;;###autoload
(define-derived-mode bfl-mode prog-mode "bfl"
  "Jobs that correct rows of databases."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \t]*")
  (setq-local indent-line-function #'bfl-indent-line)
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults '(bfl-mode--font-lock))
  (setq-local compile-command (if buffer-file-name (concat "bfl check --color never " (shell-quote-argument (file-name-nondirectory buffer-file-name))) "bfl check ")))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.bfl\\'" . bfl-mode))

(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(bfl-mode . ("bfl" "lsp"))))

(provide 'bfl-mode)
;;; bfl-mode.el ends here
