import { chromium } from '@playwright/test';
const base='http://127.0.0.1:8181';
const out='/tmp/w/shots'; import {mkdirSync} from 'node:fs'; mkdirSync(out,{recursive:true});
const b=await chromium.launch({executablePath:'/usr/bin/chromium',args:['--no-sandbox','--disable-gpu','--disable-quic','--no-first-run','--disable-background-networking']});
const which=(process.argv[2]??'').split(',').filter(Boolean);
const sizes=(process.argv[3]??'1280x800').split(',').map(s=>s.split('x').map(Number));
const scheme=(process.argv[4]??'light');
const locale=process.argv[5]??'en-GB';
for(const [w,h] of sizes){
 const c=await b.newContext({viewport:{width:w,height:h},colorScheme:scheme,locale,timezoneId:'Europe/Berlin'});
 const p=await c.newPage();
 p.on('console',m=>{ if(['error','warning'].includes(m.type())) console.log('console',m.type(),m.text(), m.location().url)});
 p.on('pageerror',e=>console.log('pageerror',e.message));
 await p.goto(base+'/documents'); await p.waitForTimeout(600);
 await p.screenshot({path:`${out}/signin-${w}-${scheme}.png`});
 await p.getByLabel('E-mail').fill('admin@example.org'); await p.locator('input[type=password]').fill('correct horse battery staple'); await p.keyboard.press('Enter');
 await p.waitForTimeout(1500);
 for(const path of which){ await p.goto(base+path); await p.waitForTimeout(2000); const name=path.replace(/[\/?=&]+/g,'_'); await p.screenshot({path:`${out}/${name}-${w}-${scheme}.png`}); console.log(name, await p.title()); }
 await c.close();
}
await b.close();
