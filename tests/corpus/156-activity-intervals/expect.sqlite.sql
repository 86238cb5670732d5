SELECT id, user_id, strftime('%H:%M:%f', "start"), strftime('%d %H:%M:%f', "end") FROM intervals ORDER BY 1;
